// What the older clients have in common: how they ask, and where their pictures come from.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

export const given = JSON.parse(process.argv[2]);
export const { userId } = given;

export async function call(method, path, body, headers = {}) {
  const response = await fetch(`${given.origin}${path}`, {
    method,
    headers: {
      Authorization: `Bearer ${given.token}`,
      ...(body === undefined ? {} : { "Content-Type": "application/json" }),
      ...headers,
    },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text ? JSON.parse(text) : null };
}

export async function ask(method, path, body, headers) {
  const answer = await call(method, path, body, headers);
  assert.ok(answer.status < 300, `${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
  return answer.body;
}

export async function refused(status, method, path, body, headers) {
  const answer = await call(method, path, body, headers);
  assert.equal(answer.status, status, `${method} ${path}: ${JSON.stringify(answer.body)}`);
  assert.equal(answer.body.success, false);
  assert.equal(typeof answer.body.error, "string");
  return answer.body;
}

export const bytesOf = (name) => readFileSync(`${given.folder}/${name}`);
export const dataUrl = (name) => `data:image/png;base64,${bytesOf(name).toString("base64")}`;

export async function download(url) {
  const response = await fetch(url, { headers: { Authorization: `Bearer ${given.token}` } });
  assert.equal(response.status, 200, url);
  return Buffer.from(await response.arrayBuffer());
}

export const tell = (answer) => console.log(JSON.stringify(answer));
