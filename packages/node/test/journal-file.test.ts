import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type IssuedGrant, unposted } from "@meterseal/wallet";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
    appendIssued,
    appendPosted,
    readJournal,
    readPolicy,
} from "../src/household/journal-file.ts";

let dir: string;
beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "meterseal-journal-"));
});
afterEach(() => {
    rmSync(dir, { recursive: true });
});

function grantOf(digit: string): IssuedGrant {
    const windows = [{ fromSlot: 1, toSlot: 2 }];
    return {
        hash: digit.repeat(64),
        recipient: "a".repeat(32),
        stream: "5".repeat(32),
        issuedUnix: 1,
        released: {
            kind: "own",
            holding: { groups: [0], known: { kind: "differences", windows } },
        },
        messages: ["AA=="],
    };
}

describe("the journal of a household", () => {
    test("holds a grant before it is posted, so that a crash in between posts it again", () => {
        appendIssued(dir, grantOf("1"));
        appendIssued(dir, grantOf("2"));
        appendPosted(dir, "1".repeat(64));
        // Another process, after the crash.
        expect(unposted(readJournal(dir))).toEqual([grantOf("2")]);
    });

    test("goes on behind what a crash cut off", () => {
        appendIssued(dir, grantOf("1"));
        const path = join(dir, "issued.jsonl");
        const whole = readFileSync(path, "utf8");
        for (let cut = 1; cut < whole.length; cut += 31) {
            writeFileSync(path, whole + whole.slice(0, cut));
            appendIssued(dir, grantOf("2"));
            expect(readJournal(dir).grants).toEqual([grantOf("1"), grantOf("2")]);
        }
    });

    test("that is damaged takes no more grants", () => {
        appendIssued(dir, grantOf("1"));
        const path = join(dir, "issued.jsonl");
        writeFileSync(path, `x${readFileSync(path, "utf8")}`);
        expect(() => appendIssued(dir, grantOf("2"))).toThrow("MS_JOURNAL");
        expect(readFileSync(path, "utf8")).not.toContain("2222");
    });

    test("is its owner's alone", () => {
        appendIssued(dir, grantOf("1"));
        expect(statSync(join(dir, "issued.jsonl")).mode & 0o777).toBe(0o600);
    });

    test("where a household wrote down no policy forbids nothing", () => {
        expect(readPolicy(dir).minimumSeconds).toBe(0);
        const policy = { format: "meterseal-policy/v1", minimum: "hour" };
        writeFileSync(join(dir, "policy.json"), JSON.stringify(policy));
        expect(readPolicy(dir).minimumSeconds).toBe(3600);
    });
});
