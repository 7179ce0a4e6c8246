// A page that draws frames one after the other, sends each as soon as it is drawn, and saves the list when all are there.
import assert from "node:assert/strict";
import { ask, bytesOf, dataUrl, download, given, refused, tell, userId } from "./client.mjs";

const requestId = `req_${Date.now()}_ab12cd34e`;
const folderPath = `${userId}/${requestId}/reference-frames`;

const uploads = await Promise.all(
  [1, 2, 3].map((frameId) =>
    ask("POST", "/api/upload_image_s3", { imageData: dataUrl(`frame-${frameId}.png`), frameId, isUserUpload: false, folderPath }),
  ),
);
for (const [place, upload] of uploads.entries()) {
  assert.deepEqual(await download(upload.imageUrl), bytesOf(`frame-${place + 1}.png`));
  assert.ok(upload.key.startsWith(`${folderPath}/`), upload.key);
  assert.equal(upload.bytes, bytesOf(`frame-${place + 1}.png`).length);
  assert.match(upload.sha256, /^[0-9a-f]{64}$/);
}
const again = await ask("POST", "/api/upload_image_s3", { imageData: dataUrl("frame-1.png"), frameId: 1, folderPath });
assert.equal(again.imageUrl, uploads[0].imageUrl);

// Frames can be listed before anybody has saved them.
const early = await ask("GET", `/api/process_s3_video_workflow?action=list_frames&userId=${userId}&sessionId=${requestId}`);
assert.equal(early.totalFrames, 3);

const frames = uploads.map((upload, place) => ({
  id: place + 1,
  timestamp: `0:0${place * 5}`.slice(0, 4).replace("0:010", "0:10"),
  imageUrl: upload.imageUrl,
  description: `A lamp, seen for the ${place + 1}. time`,
  prompt: `a lamp, frame ${place + 1}`,
  sceneStory: "It is getting light.",
  fullStory: "A morning.",
}));
frames[2].timestamp = "0:10";
frames[1].imageUrl = dataUrl("frame-2.png"); // a client that kept the picture and forgot its address
const saved = await ask("POST", "/api/save_frames", {
  frames, userId, sessionId: requestId, originalPrompt: "A lamp called Ember", videoDuration: 15, frameCount: 3, style: "soft", mood: "calm",
});
assert.deepEqual([saved.success, saved.sessionId, saved.savedCount], [true, requestId, 3]);
assert.equal(saved.warnings.length, 1);
assert.match(saved.warnings[0], /Frame 2 came with a temporary address/);

const kept = await ask("GET", `/api/frames?userId=${userId}&sessionId=${requestId}`);
assert.equal(kept.sessionId, requestId);
assert.deepEqual(kept.frames, frames.map((frame, place) => ({ ...frame, imageUrl: uploads[place].imageUrl })));

// The texts alone, once more: the pictures stay.
await ask("POST", "/api/save_frames", { frames: [{ id: 2, description: "Another text" }], userId, sessionId: requestId });
const second = (await ask("GET", `/api/frames?userId=${userId}&sessionId=${requestId}`)).frames[1];
assert.deepEqual([second.description, second.imageUrl, second.prompt], ["Another text", uploads[1].imageUrl, "a lamp, frame 2"]);

// A frame that cannot be made permanent is saved without its picture. Without an id the first address that is kept names it.
const lost = await ask("POST", "/api/save_frames", {
  frames: [{ id: 4, imageUrl: `${given.gone}`, description: "lost" }, { id: 1, imageUrl: uploads[0].imageUrl }], userId,
});
assert.equal(lost.sessionId, requestId);
assert.match(lost.warnings[0], /^Frame 4 was saved without its picture: .*410/);
const fourth = (await ask("GET", `/api/frames?userId=${userId}&sessionId=${requestId}`)).frames[3];
assert.deepEqual([fourth.id, fourth.imageUrl, fourth.description], [4, null, "lost"]);

for (const [method, path, body] of [
  ["GET", `/api/process_s3_video_workflow?action=list_frames&userId=${userId}`, undefined],
  ["POST", "/api/process_s3_video_workflow", { userId, action: "list_frames" }],
  ["POST", "/api/process_s3_video_workflow", { userId, action: "list_frames", sessionId: requestId }],
]) {
  const listed = await ask(method, path, body);
  assert.deepEqual([listed.success, listed.totalFrames], [true, 3]);
  assert.deepEqual(listed.frames.map((frame) => frame.url), uploads.map((upload) => upload.imageUrl));
  assert.deepEqual(Object.keys(listed.frames[0]).sort(), ["id", "key", "prompt", "timestamp", "url"]);
}
const none = await ask("PUT", "/api/campaigns/session_empty");
const empty = await ask("POST", "/api/process_s3_video_workflow", { userId, action: "list_frames", sessionId: none.campaignId });
assert.deepEqual([empty.totalFrames, empty.frames], [0, []]);

const picture = (folder) => ({ imageData: dataUrl("frame-1.png"), frameId: 1, folderPath: folder });
for (const folder of [`${userId}/../other/reference-frames`, "/etc", `somebody/${requestId}/reference-frames`, `${userId}//x`, `${userId}\\x`]) {
  await refused(403, "POST", "/api/upload_image_s3", picture(folder));
}
for (const imageData of [
  "data:image/png;base64,AAAA", "data:image/png;base64,%%%", "not a data URL", "data:image/png,plain",
  dataUrl("frame-1.png").replace("image/png", "image/jpeg"), `data:image/png;base64,${bytesOf("clip-1.mp4").toString("base64")}`,
  dataUrl("frame-1.png").slice(0, 3000), "data:image/svg+xml;base64,PHN2Zy8+", "", null, 7,
]) {
  await refused(422, "POST", "/api/upload_image_s3", { ...picture(folderPath), imageData });
}
await refused(403, "POST", "/api/save_frames", { frames: [], userId: "somebody" });
await refused(403, "GET", "/api/frames?userId=somebody");
await refused(422, "POST", "/api/save_frames", { frames: [{ id: 1 }, { id: 1 }], userId });
await refused(422, "POST", "/api/process_s3_video_workflow", { userId, action: "unheard_of" });
await refused(404, "GET", "/api/nothing_here");
await refused(405, "DELETE", "/api/frames");
tell({ requestId, urls: uploads.map((upload) => upload.imageUrl) });
