// A page that makes a clip of every frame, and a film of the clips: in the browser, or on the server.
import assert from "node:assert/strict";
import { ask, bytesOf, dataUrl, download, given, refused, tell, userId } from "./client.mjs";

const sessionId = given.sessionId;
const workflow = (body) => ask("POST", "/api/process_s3_video_workflow", { userId, sessionId, ...body });
const frames = [];
for (const frameId of [1, 2]) {
  const folderPath = `${userId}/${sessionId}/reference-frames`;
  const { imageUrl } = await ask("POST", "/api/upload_image_s3", { imageData: dataUrl(`frame-${frameId}.png`), frameId, folderPath });
  frames.push({ id: frameId, timestamp: `0:0${(frameId - 1) * 5}`, imageUrl, description: `Frame ${frameId}`, prompt: "a lamp" });
}
await ask("POST", "/api/save_frames", { frames, userId, sessionId, originalPrompt: "A lamp", videoDuration: 10, frameCount: 2 });

// Asked twice at once, because somebody has clicked twice.
const [made, same] = await Promise.all([1, 2].map(() => workflow({ action: "generate_videos", frameAspectRatio: "1280:768" })));
assert.equal(made.success, true, JSON.stringify(made));
assert.deepEqual(Object.keys(made.data).sort(), [
  "completedCount", "failedCount", "failures", "generatedVideoUrls", "sessionId", "totalFrames",
]);
assert.deepEqual([made.data.sessionId, made.data.totalFrames, made.data.completedCount, made.data.failedCount], [sessionId, 2, 2, 0]);
assert.deepEqual(same.data, made.data);
const later = await workflow({ action: "generate_videos", frameAspectRatio: "1280:768" });
assert.deepEqual(later.data, made.data);
const urls = made.data.generatedVideoUrls;
for (const url of urls) assert.equal((await download(url)).subarray(4, 8).toString(), "ftyp");

const one = await workflow({ action: "prepare_merge", videoClipUrls: [urls[0]] });
assert.deepEqual([one.success, one.data], [true, { mergedVideoUrl: urls[0] }]);
const several = await workflow({ action: "prepare_merge", videoClipUrls: urls });
assert.deepEqual([several.success, several.data.videoClipUrls, several.data.totalClips], [true, urls, 2]);
assert.equal(typeof several.data.instructions, "string");

const merged = await workflow({ action: "merge", videoClipUrls: urls });
const film = merged.data.mergedVideoUrl;
assert.equal((await workflow({ action: "merge", videoClipUrls: urls })).data.mergedVideoUrl, film);
const webm = (await workflow({ action: "merge", videoClipUrls: urls, outputFormat: "webm", quality: 0.3, frameRate: 12 })).data.mergedVideoUrl;
assert.deepEqual([...(await download(webm)).subarray(0, 4)], [0x1a, 0x45, 0xdf, 0xa3]);

// A film that the browser has merged; the fields stand behind the file.
const form = new FormData();
form.append("file", new Blob([bytesOf("clip-1.mp4")], { type: "video/mp4" }), "film.mp4");
for (const [name, value] of Object.entries({ userId, filename: "film.mp4", duration: "0.5", sessionId })) form.append(name, value);
const sent = await fetch(`${given.origin}/api/upload_movie`, {
  method: "POST", headers: { Authorization: `Bearer ${given.token}` }, body: form,
});
const movie = await sent.json();
assert.equal(sent.status, 200, JSON.stringify(movie));
assert.deepEqual([movie.duration, movie.bytes], [0.5, bytesOf("clip-1.mp4").length]);
assert.ok(movie.key.startsWith(`${userId}/${sessionId}/films/`), movie.key);
assert.deepEqual(await download(movie.publicUrl), bytesOf("clip-1.mp4"));

const post = (body) => refused(422, "POST", "/api/process_s3_video_workflow", { userId, sessionId, ...body });
await post({ action: "generate_videos", frameAspectRatio: "16:10" });
await post({ action: "generate_videos", batchSize: 6 });
await post({ action: "generate_videos", batchSize: 0 });
await post({ action: "generate_videos", maxRetries: 4 });
await post({ action: "generate_videos", provider: "nobody" });
await post({ action: "generate_videos", provider: "runway", model: "gen0" });
await post({ action: "prepare_merge", videoClipUrls: [] });
await post({ action: "merge", videoClipUrls: [frames[0].imageUrl] });
await post({ action: "merge", videoClipUrls: urls, outputFormat: "avi" });
await post({ action: "merge", videoClipUrls: urls, quality: 7 });
tell({ urls, film, webm, movie: movie.publicUrl });
