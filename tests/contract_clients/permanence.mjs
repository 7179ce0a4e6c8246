// A page that was given addresses which will expire, and keeps what they show in its library.
import assert from "node:assert/strict";
import { ask, bytesOf, call, dataUrl, download, given, refused, tell, userId } from "./client.mjs";

const generationId = "video-1734567890123";
const kept = await ask("POST", "/api/upload-video", { videoUrl: `${given.elsewhere}/clip.mp4?_jwt=secret`, userId, generationId, index: 0 });
assert.deepEqual(Object.keys(kept).sort(), ["bytes", "duration", "height", "sha256", "success", "url", "width"]);
assert.deepEqual([kept.success, kept.duration, kept.width, kept.height], [true, 0.5, 160, 96]);
assert.deepEqual(await download(kept.url), bytesOf("clip-1.mp4"));
const again = await ask("POST", "/api/upload-video", { url: `${given.elsewhere}/clip.mp4?_jwt=other`, userId, generationId });
assert.equal(again.url, kept.url);
assert.equal((await ask("POST", "/api/upload-video", { videoUrl: kept.url, userId, generationId })).url, kept.url);
const picture = await ask("POST", "/api/upload-image", { imageUrl: `${given.elsewhere}/picture.png`, userId, generationId, index: 1 });
assert.deepEqual([picture.width, picture.height, "duration" in picture], [320, 180, false]);
assert.deepEqual(await download(picture.url), bytesOf("frame-1.png"));

// The address of a job that the studio itself has asked for has expired: what the job made is there all the same.
const home = await ask("POST", "/api/upload-video", { videoUrl: given.ofJob, userId });
assert.equal(home.url, given.home);

const lost = await refused(422, "POST", "/api/upload-video", { videoUrl: `${given.elsewhere}/gone?_jwt=secret`, userId, generationId });
assert.match(lost.error, /410.*expired/);
for (const path of ["page.html", "empty", "cut.mp4", "picture.png", "lying.mp4"]) {
  await refused(422, "POST", "/api/upload-video", { videoUrl: `${given.elsewhere}/${path}`, userId, generationId });
}
for (const videoUrl of [
  "http://169.254.169.254/latest/meta-data/", "http://10.0.0.1/x.mp4", `${given.elsewhere}/to-metadata`, `${given.elsewhere}/to-inside`,
  "file:///etc/passwd", "ftp://example.com/x.mp4", "/etc/passwd", "nonsense", "", undefined, "http://[::1]:1/x", "https://",
]) {
  await refused(422, "POST", "/api/upload-video", { videoUrl, userId, generationId });
}
await refused(404, "POST", "/api/upload-video", { videoUrl: `${given.origin}/media/asset_somebody_else`, userId, generationId });
await refused(403, "POST", "/api/upload-video", { videoUrl: kept.url, userId: "somebody", generationId });

const card = await ask("POST", "/api/generations", {
  type: "video",
  versions: [{ url: `${given.elsewhere}/clip.mp4?_jwt=third`, prompt: "a lamp" }, { url: kept.url }],
  settings: { model: "gen4_turbo", ratio: "1280:720", reference: dataUrl("frame-2.png") },
});
assert.ok(card.success && card.id);
assert.ok(card.snapshot.versions.every(({ url }) => url.startsWith(`${given.origin}/media/`)));
assert.equal(card.snapshot.versions[0].prompt, "a lamp");
assert.deepEqual(await download(card.snapshot.settings.reference), bytesOf("frame-2.png"));
const second = await ask("POST", "/api/generations", { type: "image", versions: [{ url: picture.url }], settings: {} });
const refusal = await refused(422, "POST", "/api/generations", {
  type: "video", versions: [{ url: kept.url }, { url: `${given.elsewhere}/gone?_jwt=secret` }], settings: {},
});
assert.match(refusal.error, /versions\[1\]\.url/);
for (const body of [{}, { type: "video", versions: [] }, { type: "video", versions: [{}] }, { type: "song", versions: [{ url: kept.url }] },
  { type: "image", versions: [{ url: kept.url }] }, { type: "video", versions: [{ url: kept.url }], settings: 7 }]) {
  await refused(422, "POST", "/api/generations", body);
}
const all = await ask("GET", "/api/generations");
assert.deepEqual(all.items.map(({ id }) => id), [second.id, card.id]);
assert.equal(all.nextCursor, null);
assert.deepEqual((await ask("GET", "/api/generations?type=image")).items.map(({ id }) => id), [second.id]);
const page = await ask("GET", "/api/generations?limit=1");
assert.deepEqual((await ask("GET", `/api/generations?limit=1&cursor=${page.nextCursor}`)).items.map(({ id }) => id), [card.id]);
assert.deepEqual(all.items[1].snapshot, card.snapshot);
assert.ok((await download(all.items[1].thumbnailUrl)).length > 0);

// A permanent address plays with Range.
const part = await fetch(kept.url, { headers: { Authorization: `Bearer ${given.token}`, Range: "bytes=4-7" } });
assert.deepEqual([part.status, await part.text()], [206, "ftyp"]);
assert.equal((await call("GET", "/api/generations?cursor=unknown")).status, 404);
tell({ kept: kept.url, card: card.id });
