import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { toBase64 } from "@meterseal/core";
import { createNotice, NOTICE_KIND } from "@meterseal/record";
import { testBytes, testSigner } from "@meterseal/testkit/keys";
import { type IssuedGrant, unposted } from "@meterseal/wallet";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
    aloneWithJournal,
    HouseholdJournal,
    readJournal,
    readPolicy,
} from "../src/household/journal-file.ts";
import { postUnposted } from "../src/household/post-issued.ts";
import { ServerApi } from "../src/party/server-api.ts";

const TEST_MS = 60_000;
let dir: string;
let journal: HouseholdJournal;
beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "meterseal-journal-"));
    journal = new HouseholdJournal(dir);
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
        journal.appendIssued(grantOf("1"));
        journal.appendIssued(grantOf("2"));
        journal.appendPosted("1".repeat(64));
        // Another process, after the crash.
        expect(unposted(readJournal(dir))).toEqual([grantOf("2")]);
    });

    test("sends a bill's override as the notice that it is, and a line without messages never", async () => {
        const signer = testSigner("household");
        const said = { network: testBytes("network", 32), party: testBytes("home", 16) };
        const hash = testBytes("bill", 32);
        const override = {
            kind: NOTICE_KIND.override,
            hash,
            findings: testBytes("f", 32),
        } as const;
        const notice = await createNotice(signer, { ...said, timeUnix: 1, ...override });
        journal.appendIssued({ ...grantOf("1"), messages: [toBase64(notice)] });
        journal.appendIssued({ ...grantOf("2"), messages: [] });
        journal.appendIssued(grantOf("3"));
        const sent: string[] = [];
        const api = new ServerApi("http://127.0.0.1:1", null);
        api.postNotice = async (bytes) => void sent.push(`notice ${toBase64(bytes)}`);
        api.postGrant = async (bytes) => void sent.push(`grant ${toBase64(bytes)}`);
        expect(await postUnposted(api, journal)).toBe(2);
        expect(sent).toEqual([`notice ${toBase64(notice)}`, "grant AA=="]);
        expect([...journal.read().posted]).toEqual(["1".repeat(64), "3".repeat(64)]);
    });

    test("goes on behind what a crash cut off", () => {
        journal.appendIssued(grantOf("1"));
        const path = join(dir, "issued.jsonl");
        const whole = readFileSync(path, "utf8");
        for (let cut = 1; cut < whole.length; cut += 31) {
            writeFileSync(path, whole + whole.slice(0, cut));
            journal.appendIssued(grantOf("2"));
            expect(readJournal(dir).grants).toEqual([grantOf("1"), grantOf("2")]);
        }
    });

    test("that is damaged takes no more grants", () => {
        journal.appendIssued(grantOf("1"));
        const path = join(dir, "issued.jsonl");
        writeFileSync(path, `x${readFileSync(path, "utf8")}`);
        expect(() => journal.appendIssued(grantOf("2"))).toThrow("MS_JOURNAL");
        expect(readFileSync(path, "utf8")).not.toContain("2222");
    });

    test("is its owner's alone", () => {
        journal.appendIssued(grantOf("1"));
        expect(statSync(join(dir, "issued.jsonl")).mode & 0o777).toBe(0o600);
    });

    test("where a household wrote down no policy forbids nothing", () => {
        expect(readPolicy(dir).minimumSeconds).toBe(0);
        const policy = { format: "meterseal-policy/v1", minimum: "hour" };
        writeFileSync(join(dir, "policy.json"), JSON.stringify(policy));
        expect(readPolicy(dir).minimumSeconds).toBe(3600);
    });
});

describe("who issues grants of a household", () => {
    const child = fileURLToPath(new URL("journal-child.ts", import.meta.url));

    test("is one process at a time: what each counted still holds when its line is on disk", {
        timeout: TEST_MS,
    }, async () => {
        const names = ["a", "b", "c"];
        const ends = names.map(async (digit) => {
            const writer = spawn(process.execPath, [child, dir, digit, "12"], {
                stdio: ["ignore", "ignore", "inherit"],
            });
            return (await once(writer, "exit"))[0];
        });
        expect(await Promise.all(ends)).toEqual([0, 0, 0]);
        const { grants } = readJournal(dir);
        // Each line says how many there were when it was judged.
        expect(grants.map(({ issuedUnix }) => issuedUnix)).toEqual(
            Array.from({ length: 36 }, (_, i) => i),
        );
    });

    test("waits so long, and says who is at it", async () => {
        let letGo = (): void => undefined;
        const held = new Promise<void>((resolve) => {
            letGo = resolve;
        });
        const first = aloneWithJournal(dir, () => held);
        await expect(aloneWithJournal(dir, () => held, 300)).rejects.toMatchObject({
            code: "MS_STORE_LOCKED",
            message: expect.stringContaining(`process ${process.pid}`),
        });
        const second = aloneWithJournal(dir, async ({ home }) => home);
        letGo();
        await first;
        expect(await second).toBe(dir);
    });

    test("lets the next one in where it failed, and makes no home where there is none", async () => {
        const failing = aloneWithJournal(dir, () => Promise.reject(new Error("killed")));
        await expect(failing).rejects.toThrow("killed");
        expect(await aloneWithJournal(dir, async () => 1, 0)).toBe(1);
        const nowhere = join(dir, "nowhere");
        await expect(aloneWithJournal(nowhere, async () => 1)).rejects.toThrow("MS_NOT_FOUND");
    });
});
