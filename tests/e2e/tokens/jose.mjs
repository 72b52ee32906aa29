// Makes tokens with jose (npm) and the key set of their keys: `node jose.mjs FOLDER`, which has secret.txt, rsa.pem, ec.pem and ed.pem.
// tokens.json has what it printed; the private keys were thrown away.
import { createPublicKey } from "node:crypto";
import { readFileSync } from "node:fs";
import { SignJWT, exportJWK, importPKCS8 } from "jose";

const folder = process.argv[2];
const read = (name) => readFileSync(`${folder}/${name}`, "utf8").trim();
const keys = { RS256: "rsa", PS256: "rsa", ES256: "ec", EdDSA: "ed" };

async function make(algorithm, key, header = {}) {
  return new SignJWT({ scope: "tro:service openid" })
    .setProtectedHeader({ alg: algorithm, typ: "at+jwt", ...header })
    .setSubject("ada")
    .setIssuer("https://issuer.example")
    .setAudience("tro")
    .setIssuedAt(1764374400)
    .setNotBefore(1764374400)
    .setExpirationTime(4102444800)
    .setJti("d2ab0ea6-6b2c-4b3a-8a39-5be5a6a3bb30")
    .sign(key);
}

const tokens = { HS256: await make("HS256", new TextEncoder().encode(read("secret.txt"))) };
const set = [];
for (const [algorithm, name] of Object.entries(keys)) {
  const pem = read(`${name}.pem`);
  tokens[algorithm] = await make(algorithm, await importPKCS8(pem, algorithm), { kid: algorithm });
  set.push({ ...(await exportJWK(createPublicKey(pem))), kid: algorithm, alg: algorithm, use: "sig" });
}
console.log(JSON.stringify({ tokens, keys: set }, null, 2));
