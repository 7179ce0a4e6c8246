// A page that saves what is typed, by itself, with the version that it saw last.
import assert from "node:assert/strict";
import { ask, bytesOf, call, dataUrl, download, given, refused, tell, userId } from "./client.mjs";

const campaignId = `session_${Date.now()}`;
const path = `/api/campaigns/${campaignId}`;
const save = (fields, version) => call("PATCH", path, fields, { "If-Match": `"${version}"` });

const begun = await ask("PUT", path);
assert.deepEqual([begun.campaignId, begun.status, begun.currentStep], [campaignId, "draft", 1]);
assert.deepEqual(await ask("PUT", path), begun);

const first = await save({ productName: "Ember", productDescription: "A lamp", videoDuration: 10, sceneCount: 2, currentStep: 2, own: { field: [1] } }, begun.version);
assert.equal(first.status, 200, JSON.stringify(first.body));
assert.equal(first.headers.get("etag"), `"${first.body.version}"`);
assert.ok(first.body.version > begun.version);
const stale = await save({ productName: "Amber" }, begun.version);
assert.equal(stale.status, 412);
assert.deepEqual([stale.body.success, stale.body.productName, stale.body.version], [false, "Ember", first.body.version]);
assert.equal(typeof stale.body.error, "string");
await refused(428, "PATCH", path, { productName: "Amber" });
await refused(422, "PATCH", path, { currentStep: 8 }, { "If-Match": `"${first.body.version}"` });
await refused(422, "PATCH", path, [1], { "If-Match": `"${first.body.version}"` });
await refused(422, "PATCH", path, { a: 1 }, { "If-Match": "what I saw" });
await refused(404, "PATCH", "/api/campaigns/nobody_knows", { a: 1 }, { "If-Match": '"1"' });

const second = await save(
  { own: null, uploadedImages: [dataUrl("frame-1.png")], logoUrl: `${given.elsewhere}/picture.png?_jwt=secret`,
    heroImage: `${given.elsewhere}/gone?_jwt=secret`, website: "https://lamp.example", note: `see ${dataUrl("frame-2.png")}` },
  first.body.version,
);
assert.equal(second.status, 200, JSON.stringify(second.body));
const now = await ask("GET", path);
assert.deepEqual(await download(now.uploadedImages[0]), bytesOf("frame-1.png"));
assert.deepEqual(await download(now.logoUrl), bytesOf("frame-1.png"));
assert.deepEqual(["own" in now, "heroImage" in now, now.website, now.note], [false, false, "https://lamp.example", "see [picture]"]);
assert.match(second.body.warnings[0], /heroImage/);
assert.deepEqual([now.productName, now.videoDuration, now.currentStep], ["Ember", 10, 2]);

const list = await ask("GET", "/api/campaigns?status=draft");
assert.equal(list.items[0].campaignId, campaignId);
assert.ok("nextCursor" in list);
await refused(422, "GET", "/api/campaigns?status=unheard_of");
await ask("DELETE", path);
assert.ok((await ask("GET", "/api/campaigns")).items.every((item) => item.campaignId !== campaignId));
await ask("POST", `${path}/restore`);
assert.equal((await ask("GET", "/api/campaigns")).items[0].campaignId, campaignId);

// Scenes are written and drawn, one is drawn again, and a film is made.
const until = async (look) => {
  for (;;) {
    const found = await look();
    if (found) return found;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
};
const scenes = async () => (await ask("GET", `${path}/scenes`)).scenes;
assert.deepEqual(await scenes(), []);
const started = await call("POST", `${path}/scenes/generate`, { count: 2 });
assert.deepEqual([started.status, started.body.success], [202, true]);
assert.ok(started.body.events.endsWith(campaignId));
const drawn = await until(async () => { const found = await scenes(); return found.length === 2 && found.every((scene) => scene.imageUrl) ? found : null; });
const redone = await call("POST", `${path}/scenes/2/regenerate`, { note: "at night" });
assert.equal(redone.status, 202, JSON.stringify(redone.body));
const other = await until(async () => { const scene = (await scenes())[1]; return scene.imageUrl !== drawn[1].imageUrl ? scene : null; });
assert.equal(other.takes.filter(({ kind }) => kind === "frame").length, 2);
assert.match(other.takes[1].prompt, /^at night/);
assert.equal((await call("POST", `${path}/scenes/3/regenerate`, {})).status, 404);
assert.equal((await call("POST", `${path}/generate`)).status, 202);
assert.notEqual((await ask("GET", path)).status, "draft");
await until(async () => (await ask("GET", path)).status === "completed");
tell({ campaignId });
