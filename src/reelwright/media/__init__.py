"""Files in, files out: pictures, clips, sound and films. Everything here that decodes runs in a worker process."""
