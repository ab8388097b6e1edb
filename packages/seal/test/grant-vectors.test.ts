import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { unwrap } from "@meterseal/core";
import { expect, test } from "vitest";
import { openGrant, parseGrant, parseGrantBody } from "../src/index.ts";
import { codeOf } from "./fixtures.ts";
import { readVector } from "./grant-reading.ts";
import { bodiesOfToday, readGrantVectors, writeGrantVectors } from "./grant-vectors.ts";

if (process.env.METERSEAL_WRITE_VECTORS === "1") await writeGrantVectors();
const file = readGrantVectors();

test.each(file.grants.map((vector) => [vector.name, vector] as const))(
    "%s",
    async (name, vector) => {
        expect(await readVector(vector, file)).toEqual({
            ...vector,
            isSigned: true,
            isSealed: true,
        });
        expect(bodiesOfToday(file).get(name)).toBe(vector.body);
        const grant = unwrap(parseGrant(Uint8Array.fromHex(vector.hex)));
        const found = file.recipients.find(({ suite }) => suite === grant.hpkeSuite);
        const pair = {
            suite: grant.hpkeSuite,
            privateKey: Uint8Array.fromHex(found?.privateKey ?? ""),
            publicKey: Uint8Array.fromHex(found?.publicKey ?? ""),
        };
        expect(codeOf(await openGrant(grant, pair))).toBe("ok");
    },
);

test.each(file.refused.map((vector) => [vector.name, vector] as const))(
    "refused: %s",
    (_, vector) => {
        expect(codeOf(parseGrant(Uint8Array.fromHex(vector.hex)))).toBe(vector.code);
    },
);

test.each(file.refusedBodies.map((vector) => [vector.name, vector] as const))(
    "refused body: %s",
    (_, { body, code, of }) => {
        const hex = file.grants.find(({ name }) => name === of)?.hex ?? "";
        const terms = unwrap(parseGrant(Uint8Array.fromHex(hex)));
        expect(codeOf(parseGrantBody(terms, Uint8Array.fromHex(body)))).toBe(code);
    },
);

test("the browser implementation opens the same vectors", () => {
    const script = fileURLToPath(new URL("grant-vectors.ts", import.meta.url));
    const run = spawnSync(process.execPath, ["--conditions=browser", script, "--check"], {
        encoding: "utf8",
    });
    expect(run.stderr).toBe("");
    expect(run.stdout).toBe("0 wrong\n");
});
