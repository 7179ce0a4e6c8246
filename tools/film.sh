#!/bin/sh
# Makes a film of each brief named, or of all in examples/, into films/; then says where they are and what can be done with them.
set -eu
unset PYTHONDONTWRITEBYTECODE
bin=.venv/bin
[ $# -gt 0 ] || set -- examples/*.toml

mkdir -p films
for brief in "$@"; do
    name=$(basename "$brief")
    "$bin/reelwright" make "$brief" --output "films/${name%.*}.mp4" --yes
done

echo
echo "Films, with their posters, captions and storyboards, are in $(pwd)/films:"
for film in films/*.mp4; do
    echo "  $film"
done
echo "Next:  $bin/reelwright make \"A film from one sentence\"     make FILM=my.toml film     $bin/reelwright --help"
echo "Serve the studio, for programs and for other people:  make studio"
