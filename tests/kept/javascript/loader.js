// Uses the whole contract: each function, each method, `describe`. The same as tests/guests/whole_contract.
//
// With `url` set, the response is an entry, too.

import { send } from "kiwi:loader/http@0.1.0";
import { write } from "kiwi:loader/log@0.1.0";
import { published, set, unchanged } from "kiwi:loader/mark@0.1.0";
import { emit } from "kiwi:loader/output@0.1.0";
import { get as settings } from "kiwi:loader/settings@0.1.0";

export function loadFromSource() {
  for (const level of ["trace", "debug", "info", "warn", "error"]) write(level, `a line at ${level}`);
  const text = settings();
  const before = published() ?? null;
  if (before === text) {
    unchanged();
    return [];
  }
  set(text);
  emit([{ key: "settings", value: text }, { key: "published", value: JSON.stringify(before) }]);
  const { url } = JSON.parse(text);
  return [{ key: "answer", value: JSON.stringify(url ? get(url) : null) }];
}

export function describe() {
  const { url } = JSON.parse(settings());
  return {
    name: "whole-contract",
    version: "0.1.0",
    summary: "Uses everything the contract has.",
    reloadTtl: "5m",
    cacheTtl: "none",
    settings: [{ name: "url", kind: "text", required: false, defaultValue: "null", help: "What to get." }],
    grants: url ? [{ kind: "http", name: url.split("/").slice(0, 3).join("/"), reason: "to get `url`" }] : [],
  };
}

function get(url) {
  const headers = [["accept", "text/plain"]];
  const response = send({ method: "GET", url, headers, body: undefined, timeoutMs: 10000 });
  let text = String.fromCharCode(...(response.read(4) ?? []));
  // The end is `undefined` in StarlingMonkey, and `null` in QuickJS.
  for (let lines; (lines = response.readText(65536)) != null; ) text += lines;
  return {
    status: response.status(),
    url: response.url(),
    content_type: response.header("content-type"),
    headers: response.headers().length,
    text,
  };
}
