import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { toHex } from "@meterseal/core";
import { createSign1, type EnrolPayload, MESSAGE_TYPE } from "@meterseal/record";
import { testBytes, testSigner } from "@meterseal/testkit/keys";
import { TestNetwork } from "@meterseal/testkit/records";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { checkAnswer } from "../src/device/admission.ts";
import { DEVICE_FILES } from "../src/device/device.ts";
import { type EnrolmentAnswer, formatAnswer, parseAnswer } from "../src/device/exchange.ts";
import type { EnrolRequest, Server } from "../src/server/server.ts";
import { run } from "./command.ts";
import { useScratch } from "./fixture.ts";
import { startQuietServer } from "./quiet-server.ts";

const home = new TestNetwork("home");
const foreign = new TestNetwork("foreign");

/** An answer of a network, and the request that it fits. */
async function answerOf(
    network: TestNetwork,
    payload: Partial<EnrolPayload> = {},
): Promise<{ answer: EnrolmentAnswer; asked: EnrolRequest }> {
    const { descriptor, enrolment, signer } = await network.meter("mine", { payload });
    const collector = await network.collector();
    return {
        asked: {
            subject: testBytes("subject mine", 16),
            key: signer.publicKey,
            streams: [descriptor],
        },
        answer: {
            network: network.networkId,
            genesis: network.genesis,
            enrolment: enrolment.message.bytes,
            collector: collector.enrolment.message.bytes,
        },
    };
}

const refusal = (code: string) => ({ ok: false, error: { code } });

describe("an operator's answer", () => {
    it("that was not touched proves network, enrolment and collector", async () => {
        const { answer, asked } = await answerOf(home);
        for (const pinned of [null, home.networkId]) {
            const checked = checkAnswer(answer, asked, pinned);
            if (!checked.ok) throw checked.error;
            expect(toHex(checked.value.network)).toBe(toHex(home.networkId));
            expect(checked.value.enrolment.message.bytes).toEqual(answer.enrolment);
            expect(checked.value.collectorKey).toEqual(testSigner("collector").publicKey);
        }
        const read = parseAnswer(formatAnswer(answer));
        expect(read).toEqual({ ok: true, value: answer });
    });

    it("of another network than the meter keeps to is refused", async () => {
        const { answer, asked } = await answerOf(foreign);
        expect(checkAnswer(answer, asked, null).ok).toBe(true);
        expect(checkAnswer(answer, asked, home.networkId)).toMatchObject(refusal("MS_GENESIS"));
    });

    it("is refused where the genesis has another hash than the network's id", async () => {
        const { answer, asked } = await answerOf(home);
        const named = { ...answer, network: foreign.networkId };
        expect(checkAnswer(named, asked, null)).toMatchObject(refusal("MS_GENESIS"));
        const swapped = { ...answer, genesis: foreign.genesis };
        expect(checkAnswer(swapped, asked, null)).toMatchObject(refusal("MS_GENESIS"));
        const broken = { ...answer, genesis: answer.genesis.subarray(1) };
        expect(checkAnswer(broken, asked, null)).toMatchObject(refusal("MS_MALFORMED"));
    });

    it("is refused where anybody but the genesis' operator signed", async () => {
        const { answer, asked } = await answerOf(home);
        const { enrolment } = await home.meter("mine");
        const payload = enrolment.message.payload;
        const mallory = await createSign1(testSigner("mallory"), MESSAGE_TYPE.enrol, payload);
        for (const forged of [
            { ...answer, enrolment: mallory },
            { ...answer, collector: mallory },
            { ...answer, collector: (await foreign.collector()).enrolment.message.bytes },
        ]) {
            expect(checkAnswer(forged, asked, null)).toMatchObject(refusal("MS_SIGNATURE_BAD"));
        }
    });

    it("is refused with any one byte of a message turned", async () => {
        const { answer, asked } = await answerOf(home);
        for (const part of ["genesis", "enrolment", "collector"] as const) {
            for (let at = 0; at < answer[part].length; at++) {
                const bytes = answer[part].slice();
                bytes[at] = (bytes[at] ?? 0) ^ 1;
                const changed = checkAnswer({ ...answer, [part]: bytes }, asked, home.networkId);
                expect(changed.ok, `${part}, byte ${at}`).toBe(false);
            }
        }
    });

    it.each<[string, Partial<EnrolPayload>]>([
        ["subject", { id: testBytes("another", 16) }],
        ["key", { key: testSigner("another").publicKey }],
        ["chain epoch", { epoch: 1 }],
        ["role", { role: 2 }],
        ["streams", { streams: [] }],
    ])("is refused with another %s than the meter asked for", async (name, payload) => {
        const { answer, asked } = await answerOf(home, payload);
        const checked = checkAnswer(answer, asked, null);
        expect(checked).toMatchObject(refusal("MS_ENROLMENT"));
        expect(checked.ok ? "" : checked.error.message).toContain(`the ${name} of the request`);
    });

    it("is refused with another field of the stream", async () => {
        const { answer, asked } = await answerOf(home);
        const [stream] = asked.streams;
        if (stream === undefined) throw new Error("no stream");
        for (const change of [
            { zone: "UTC" },
            { slotSeconds: 1800 },
            { mode: 1 },
            { groups: [1] },
        ]) {
            const other = { ...asked, streams: [{ ...stream, ...change }] };
            expect(checkAnswer(answer, other, null)).toMatchObject(refusal("MS_ENROLMENT"));
        }
    });

    it("is refused for a network that its messages do not name", async () => {
        const { answer, asked } = await answerOf(home, { network: foreign.networkId });
        expect(checkAnswer(answer, asked, null)).toMatchObject(refusal("MS_ENROLMENT"));
    });

    it("is refused where a meter stands in for the collector", async () => {
        const { answer, asked } = await answerOf(home);
        const meter = (await home.meter("other")).enrolment.message.bytes;
        const swapped = { ...answer, collector: meter };
        expect(checkAnswer(swapped, asked, null)).toMatchObject(refusal("MS_ENROLMENT"));
    });
});

describe("the network of a meter", () => {
    const scratch = useScratch();
    const dirs = { mine: join(scratch, "mine"), theirs: join(scratch, "theirs") };
    const servers: Server[] = [];
    let file = "";

    beforeAll(async () => {
        servers.push(await startQuietServer(dirs.mine), await startQuietServer(dirs.theirs));
        file = join(scratch, "readings.csv");
        writeFileSync(file, "timestamp,import_kwh\n2024-07-01T00:00Z,0.1\n2024-07-01T00:15Z,0.2\n");
    });
    afterAll(async () => {
        for (const server of servers) await server.close();
    });

    const idOf = (at: number): string => toHex(servers[at]?.networkId ?? new Uint8Array());
    const init = async (name: string, ...more: string[]): Promise<string> => {
        const dir = join(scratch, name);
        const made = await run("meter", "init", "--dir", dir, "--zone", "UTC", "--json", ...more);
        expect([made.code, made.stderr]).toEqual([0, ""]);
        return dir;
    };
    const enrol = (data: string, dir: string) =>
        run("enrol", "--data", data, join(dir, DEVICE_FILES.request));
    const send = (dir: string, ...more: string[]) =>
        run(
            "meter",
            "run",
            "--dir",
            dir,
            "--csv",
            file,
            "--to",
            servers[0]?.mqttUrl ?? "",
            ...more,
        );

    it("is named by its owner, and no answer of another one is taken", async () => {
        const dir = await init("pinned", "--network", idOf(0));
        await enrol(dirs.theirs, dir);
        const { code, stderr } = await send(dir);
        expect(stderr).toMatch(/^MS_GENESIS: /);
        expect(stderr).toContain(join(dir, DEVICE_FILES.enrolment));
        expect(stderr).toContain(`Expected network ${idOf(0)}`);
        expect(code).toBe(1);
        for (const name of [DEVICE_FILES.keyFile, "outbox.db"])
            expect(existsSync(join(dir, name)), name).toBe(false);

        expect((await enrol(dirs.mine, dir)).stderr).toContain(`network ${idOf(0)}`);
        const sent = await send(dir, "--json");
        expect([sent.code, sent.stderr]).toEqual([0, expect.not.stringContaining("network")]);
        expect(JSON.parse(sent.stdout)).toMatchObject({ network: idOf(0), openRecords: 0 });
    });

    it("is that of the first answer otherwise, said once, and kept", async () => {
        const dir = await init("first");
        await enrol(dirs.mine, dir);
        const first = await send(dir);
        expect(first.stderr).toContain(`The meter is in network ${idOf(0)}`);
        expect(readFileSync(join(dir, DEVICE_FILES.network), "utf8")).toBe(`${idOf(0)}\n`);
        expect((await send(dir)).stderr).not.toContain("network");

        await enrol(dirs.theirs, dir);
        const replaced = await send(dir);
        expect(replaced.stderr).toMatch(/^MS_GENESIS: /);
        const next = join(scratch, "next");
        const words = ["--dir", dir, "--new", next, "--dead"];
        expect((await run("meter", "exchange", ...words)).stderr).toMatch(/^MS_GENESIS: /);
        expect(existsSync(next)).toBe(false);
    });

    it("is that of the old meter behind an exchange", async () => {
        const dir = await init("old");
        await enrol(dirs.mine, dir);
        const next = join(scratch, "new");
        const words = ["--dir", dir, "--new", next, "--dead"];
        expect((await run("meter", "exchange", ...words)).stderr).toContain(`network ${idOf(0)}`);
        expect(readFileSync(join(next, DEVICE_FILES.network), "utf8")).toBe(`${idOf(0)}\n`);
    });

    it("is that of the key file, where a directory has one and no more", async () => {
        const dir = await init("keyed");
        await enrol(dirs.mine, dir);
        await send(dir);
        writeFileSync(join(dir, DEVICE_FILES.network), "zz");
        expect((await send(dir)).stderr).toMatch(/^MS_MALFORMED: .*network\.hex/);
        rmSync(join(dir, DEVICE_FILES.network));
        await enrol(dirs.theirs, dir);
        expect((await send(dir)).stderr).toMatch(/^MS_GENESIS: /);
    });

    it("takes no answer of the form that nobody signed", async () => {
        const dir = await init("earlier");
        await enrol(dirs.mine, dir);
        const path = join(dir, DEVICE_FILES.enrolment);
        const answer = JSON.parse(readFileSync(path, "utf8"));
        const earlier = { ...answer, format: "meterseal-enrolment/v1" };
        writeFileSync(path, JSON.stringify(earlier));
        const { stderr } = await send(dir);
        expect(stderr).toMatch(/^MS_MALFORMED: .*enrolment\.json.*meterseal-enrolment\/v2/);
        expect(stderr).toContain("meterseal enrol --data DIR");
    });

    it.each([["ab"], ["G".repeat(64)], [""]])("is no %s", async (text) => {
        const dir = join(scratch, `no-${text.length}`);
        const words = ["--dir", dir, "--zone", "UTC", "--network", text];
        const { code, stderr } = await run("meter", "init", ...words);
        expect([code, stderr]).toEqual([2, expect.stringMatching(/^MS_USAGE: /)]);
        expect(existsSync(dir)).toBe(false);
    });
});
