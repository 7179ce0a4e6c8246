// A real OpenID Connect issuer for the tests: certified software, people from one argument, and a form to sign in with.

import { createServer } from "node:http";
import Provider from "oidc-provider";

const { people, secret, back_to: backTo } = JSON.parse(process.argv[2]);
const server = createServer();

server.listen(0, "127.0.0.1", () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: "reelwright",
        client_secret: secret,
        application_type: "native", // such a client may come back to any port of this machine
        redirect_uris: [backTo],
        grant_types: ["authorization_code"],
        response_types: ["code"],
      },
    ],
    claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name"] },
    pkce: { required: () => true },
    cookies: { keys: [secret] },
    findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, ...people[id] }) }),
  });
  server.on("request", provider.callback());
  console.log(issuer);
});
