import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ServerProcess } from "../src/fleet/server-process.ts";
import { run } from "./command.ts";
import { useScratch } from "./fixture.ts";

const scratch = useScratch();
const operatorDir = join(scratch, "operator");
const branchDir = join(scratch, "branch");
let operator: ServerProcess;
let to: string;

beforeAll(async () => {
    operator = await ServerProcess.start({
        ...{ dataDir: operatorDir, httpPort: 0, mqttPort: 0, mode: 0 },
        ...{ nowMs: Date.now(), clockLabel: "test" },
        exchange: { port: 0, host: "127.0.0.1", tls: null },
    });
    to = operator.info.exchangeUrl ?? "";
}, 30_000);
afterAll(() => operator.stop());

describe("meterseal ledger join", () => {
    it("writes a request, which the operator admits, and then finds itself a member", async () => {
        const request = join(branchDir, "server/join-request.json");
        const words = ["ledger", "join", "--data", branchDir, "--to", to];
        const first = await run(...words);
        expect([first.code, first.stderr]).toEqual([1, expect.stringMatching(/ledger admit/)]);
        const admitted = await run("ledger", "admit", "--data", operatorDir, request);
        expect([admitted.code, admitted.stderr]).toEqual([0, expect.stringMatching(/^Admitted/)]);
        const again = await run("ledger", "admit", "--data", operatorDir, request);
        expect(again.code).toBe(0);
        const second = await run(...words, "--json");
        expect(second.code).toBe(0);
        expect(JSON.parse(second.stdout)).toMatchObject({ admitted: true });
    });

    it("takes no admission of another key for the same branch, or of another network", async () => {
        const path = join(branchDir, "server/join-request.json");
        const request = JSON.parse(readFileSync(path, "utf8")) as Record<string, string>;
        const other = join(scratch, "other");
        await run("ledger", "join", "--data", other, "--to", to);
        const { key } = JSON.parse(
            readFileSync(join(other, "server/join-request.json"), "utf8"),
        ) as Record<string, string>;
        const changed = join(scratch, "changed.json");
        writeFileSync(changed, JSON.stringify({ ...request, key }));
        const stolen = await run("ledger", "admit", "--data", operatorDir, changed);
        expect([stolen.code, stolen.stderr]).toEqual([1, expect.stringMatching(/^MS_ENROLMENT/)]);
        writeFileSync(changed, JSON.stringify({ ...request, network: "00".repeat(32) }));
        const foreign = await run("ledger", "admit", "--data", operatorDir, changed);
        expect([foreign.code, foreign.stderr]).toEqual([1, expect.stringMatching(/^MS_NETWORK/)]);
        writeFileSync(changed, JSON.stringify({ ...request, key: "zz" }));
        const broken = await run("ledger", "admit", "--data", operatorDir, changed);
        expect([broken.code, broken.stderr]).toEqual([1, expect.stringMatching(/^MS_MALFORMED/)]);
    });

    it("says what is wrong with what it is told", async () => {
        const data = ["--data", join(scratch, "new")];
        const refused = async (...words: string[]): Promise<unknown[]> => {
            const { code, stderr } = await run("ledger", ...words);
            return [code, stderr.split(":")[0]];
        };
        expect(await refused("join", ...data)).toEqual([2, "MS_USAGE"]);
        expect(await refused("join", ...data, "--to", "nowhere")).toEqual([2, "MS_USAGE"]);
        const nobody = "http://127.0.0.1:9";
        expect(await refused("join", ...data, "--to", nobody)).toEqual([3, "MS_LINK"]);
        const token = ["--operator-token", join(scratch, "absent")];
        expect(await refused("join", ...data, "--to", to, ...token)).toEqual([2, "MS_NOT_FOUND"]);
        writeFileSync(join(scratch, "token"), "wrong\n");
        const wrong = ["--operator-token", join(scratch, "token")];
        expect(await refused("join", ...data, "--to", to, ...wrong)).toEqual([1, "MS_NOT_ALLOWED"]);
        expect(await refused("status")).toEqual([2, "MS_USAGE"]);
        expect(await refused("status", "--data", branchDir)).toEqual([3, "MS_LINK"]);
        expect(await refused("admit", "--data", operatorDir)).toEqual([2, "MS_USAGE"]);
    });
});

describe("meterseal ledger status", () => {
    it("says what a server is, and how far it has come", async () => {
        const { code, stdout } = await run("ledger", "status", "--data", operatorDir);
        expect([code, stdout]).toEqual([
            0,
            expect.stringMatching(/^role: +sequencer\ncheckpoint: \d/),
        ]);
        const url = ["--url", operator.info.httpUrl, "--json"];
        const json = await run("ledger", "status", ...url);
        expect(JSON.parse(json.stdout)).toMatchObject({ role: "sequencer", heads: [], orphans: 0 });
    });
});

describe("meterseal revoke", () => {
    it("removes a branch for good, and says the same when it is asked again", async () => {
        const request = join(branchDir, "server/join-request.json");
        const { id } = JSON.parse(readFileSync(request, "utf8")) as Record<string, string>;
        const words = ["revoke", "--data", operatorDir, "--yes", id ?? ""];
        const removed = await run(...words);
        expect([removed.code, removed.stdout]).toEqual([0, expect.stringContaining("collector")]);
        const again = await run(...words, "--json");
        expect(JSON.parse(again.stdout)).toMatchObject({ id, role: "collector" });
        const status = await run("ledger", "join", "--data", branchDir, "--to", to);
        expect([status.code, status.stderr]).toEqual([1, expect.stringMatching(/MS_FROZEN/)]);
    });

    it("removes nobody without a word at the terminal, nobody unknown, and says so", async () => {
        const data = ["--data", operatorDir];
        const asked = await run("revoke", ...data, "00".repeat(16));
        expect([asked.code, asked.stderr]).toEqual([2, expect.stringMatching(/a terminal to ask/)]);
        const unknown = await run("revoke", ...data, "--yes", "00".repeat(16));
        expect([unknown.code, unknown.stderr]).toEqual([1, expect.stringMatching(/MS_ENROLMENT/)]);
        for (const wrong of [[], ["zz".repeat(16)], ["00"]]) {
            const usage = await run("revoke", ...data, "--yes", ...wrong);
            expect([usage.code, usage.stderr]).toEqual([2, expect.stringMatching(/MS_USAGE/)]);
        }
        const route = `${operator.info.httpUrl}/api/v1/revocations`;
        const post = async (body: object, token: string): Promise<number> => {
            const headers = { authorization: token, "content-type": "application/json" };
            return (await fetch(route, { method: "POST", headers, body: JSON.stringify(body) }))
                .status;
        };
        expect(await post({ id: "00".repeat(16) }, "Bearer wrong")).toBe(403);
    });
});

describe("a server that joined nothing", () => {
    it("has no peers, and with CometBFT no branches", async () => {
        const data = ["--data", join(scratch, "alone"), "--port", "0", "--mqtt-port", "0"];
        const peers = ["--peers", "http://127.0.0.1:8490"];
        const alone = await run("serve", ...data, ...peers);
        expect([alone.code, alone.stderr]).toEqual([2, expect.stringMatching(/ledger join/)]);
        const comet = ["--engine", "cometbft", "--genesis", "file"];
        const shared = await run("serve", ...data, ...comet, "--exchange-port", "0");
        expect([shared.code, shared.stderr]).toEqual([2, expect.stringMatching(/MS_USAGE/)]);
        const wrong = await run("serve", ...data, "--peers", "nobody");
        expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringMatching(/MS_USAGE/)]);
        const open = await run("serve", "--data", branchDir, "--open", "--port", "0");
        expect([open.code, open.stderr]).toEqual([2, expect.stringMatching(/MS_USAGE.*--open/)]);
    });
});
