// Tokenises the example specs with VS Code's own engine and judges the scopes of known words.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { readFileSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const require = createRequire(import.meta.url);
const oniguruma = require("vscode-oniguruma");
const textmate = require("vscode-textmate");

const here = dirname(fileURLToPath(import.meta.url));
const examples = join(here, "..", "..", "..", "examples");
const expected = JSON.parse(readFileSync(join(here, "scopes.json"), "utf8"));

const wasm = readFileSync(require.resolve("vscode-oniguruma/release/onig.wasm"));
await oniguruma.loadWASM(wasm.buffer.slice(wasm.byteOffset, wasm.byteOffset + wasm.byteLength));
const registry = new textmate.Registry({
  onigLib: Promise.resolve({
    createOnigScanner: (patterns) => new oniguruma.OnigScanner(patterns),
    createOnigString: (text) => new oniguruma.OnigString(text),
  }),
  loadGrammar: async () =>
    textmate.parseRawGrammar(readFileSync(join(here, "..", "syntaxes", "sysid.tmLanguage.json"), "utf8"), "a.json"),
});
const grammar = await registry.loadGrammar("source.sysid");

function scopes(text) {
  const found = [];
  let state = textmate.INITIAL;
  for (const line of text.split(/\r?\n/)) {
    const result = grammar.tokenizeLine(line, state);
    state = result.ruleStack;
    for (const token of result.tokens) {
      found.push([line.slice(token.startIndex, token.endIndex), token.scopes.at(-1)]);
    }
  }
  assert.equal(state.depth, 1, "a rule is left open at the end of the file");
  return found;
}

let passed = 0;
for (const name of readdirSync(examples).filter((file) => file.endsWith(".sysid"))) {
  const bare = scopes(readFileSync(join(examples, name), "utf8")).filter(
    ([text, scope]) => /\w/.test(text) && scope === "source.sysid"
  );
  assert.deepEqual(bare, [], `${name}: words without a colour`);
  passed += 1;
}
for (const { line, scopes: wanted } of expected) {
  const found = scopes(line);
  for (const [word, scope] of Object.entries(wanted)) {
    const token = found.find(([text]) => text === word);
    assert.ok(token, `${line}: no token ${word} in ${JSON.stringify(found)}`);
    assert.equal(token[1], `${scope}.sysid`, `${line}: ${word}`);
    passed += 1;
  }
}
console.log(`${passed} passed, 0 failed`);
