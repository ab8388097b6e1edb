import { unwrap } from "@meterseal/core";
import { testBytes } from "@meterseal/testkit/keys";
import { expect, it } from "vitest";
import {
    decodeCbor,
    decodeWarning,
    encodeCbor,
    encodeWarning,
    WARNING_KIND,
} from "../src/index.ts";

const warning = {
    stream: testBytes("stream", 16),
    sealEpoch: 3,
    kind: WARNING_KIND.thinned,
    fromSlot: 455_904,
};

it("a warning comes back as it was", () => {
    const body = decodeCbor(encodeCbor(encodeWarning(warning)));
    expect(unwrap(decodeWarning(body))).toEqual(warning);
});

it.each<[string, unknown]>([
    ["a text", "free"],
    ["another kind", encodeWarning({ ...warning, kind: 3 })],
    ["no kind", encodeWarning({ ...warning, kind: 0 })],
    ["a short stream", encodeWarning({ ...warning, stream: new Uint8Array(15) })],
    ["a negative slot", encodeWarning({ ...warning, fromSlot: -1 })],
    ["a field more", new Map([...encodeWarning(warning), [4, 1]])],
    ["a field less", new Map([...encodeWarning(warning)].slice(0, 3))],
])("%s is no warning of ours", (_, body) => {
    expect(decodeWarning(body)).toMatchObject({ ok: false, error: { code: "MS_MALFORMED" } });
});
