import { afterEach, describe, expect, it } from "vitest";
import {
    packJobs,
    readVerdicts,
    unpackJobs,
    unpackKey,
    verdictsOf,
} from "../src/crypto/job-batch.ts";
import type { Signer } from "../src/index.ts";
import { generatePrivateKeyPem, signerFromPem, VerifierPool } from "../src/node.ts";
import type { SignatureJob } from "../src/ports.ts";

const signers: Signer[] = (["es256", "es256", "edDsa"] as const).map((kind) =>
    signerFromPem(generatePrivateKeyPem(kind)),
);
let pool: VerifierPool | null = null;

afterEach(async () => await pool?.close());

/** A job by one of the signers, right or with one bit of its message turned over. */
async function job(number: number, valid = true): Promise<SignatureJob> {
    const { publicKey: key, sign } = signers[number % signers.length] as Signer;
    const message = new TextEncoder().encode(`message ${number}`);
    const signature = await sign(message);
    if (!valid) message[0] = (message[0] as number) ^ 1;
    return { key, algorithm: key.algorithm, message, signature };
}

/** A thread that runs this code; `port` and, for each buffer, `answer(buffer)` are its tools. */
function workerUrl(code: string): URL {
    const source = `import { parentPort as port } from "node:worker_threads";
        const answer = (buffer) => port.postMessage(buffer, [buffer]);
        ${code}`;
    return new URL(`data:text/javascript,${encodeURIComponent(source)}`);
}

describe("a pool of threads that check signatures", () => {
    it("gives each signature its own verdict, whatever travels together", async () => {
        pool = new VerifierPool({ threads: 2 });
        const calls = Array.from({ length: 12 }, (_, call) =>
            Array.from({ length: 1 + call * 5 }, (_, i) => ({
                number: call * 100 + i,
                valid: (call + i) % 3 !== 0,
            })),
        );
        const verdicts = await Promise.all(
            calls.map(async (each) =>
                pool?.verify(await Promise.all(each.map((one) => job(one.number, one.valid)))),
            ),
        );
        expect(verdicts).toEqual(calls.map((each) => each.map(({ valid }) => valid)));
    });

    it("refuses a key of another algorithm, and malformed keys and signatures", async () => {
        pool = new VerifierPool({ threads: 1 });
        const good = await job(0);
        const off = { ...(good.key as { algorithm: -7; x: Uint8Array; y: Uint8Array }) };
        const jobs: SignatureJob[] = [
            { ...good, algorithm: -8 },
            { ...good, signature: good.signature.subarray(1) },
            { ...good, signature: new Uint8Array(64) },
            { ...good, signature: new Uint8Array() },
            { ...good, key: { ...off, x: off.y } },
            { ...good, key: { ...off, x: new Uint8Array(32), y: new Uint8Array(32) } },
            good,
        ];
        expect(await pool.verify(jobs)).toEqual([false, false, false, false, false, false, true]);
    });

    it("goes on when a thread dies, and loses nothing", async () => {
        // Each thread answers its first buffer and dies over its second, which the next one gets.
        const dying = workerUrl(`
            let seen = 0;
            port.on("message", (buffer) => {
                if (++seen === 2) process.exit(1);
                new Uint8Array(buffer, 4, new DataView(buffer).getUint32(0)).fill(1);
                answer(buffer);
            });`);
        pool = new VerifierPool({ threads: 1, workerUrl: dying });
        const one = await job(0);
        const calls = [60, 70, 80, 1].map((count) => pool?.verify(Array(count).fill(one)));
        const verdicts = await Promise.all(calls);
        expect(verdicts.map((each) => each?.length)).toEqual([60, 70, 80, 1]);
        expect(verdicts.flat().every((valid) => valid === true)).toBe(true);
    });

    it("rejects a call over which threads die again and again, and takes the next", async () => {
        const fatal = workerUrl(`
            port.on("message", (buffer) => {
                if (new DataView(buffer).getUint32(0) === 3) throw new Error("cannot");
                new Uint8Array(buffer).fill(1, 4, 5);
                answer(buffer);
            });`);
        pool = new VerifierPool({ threads: 1, workerUrl: fatal });
        const one = await job(0);
        await expect(pool.verify([one, one, one])).rejects.toMatchObject({ code: "MS_INTERNAL" });
        expect(await pool.verify([one])).toEqual([true]);
    });

    it.each([
        ["says nothing about a signature", "answer(buffer)"],
        ["writes something that is no verdict", "new Uint8Array(buffer)[4] = 7; answer(buffer)"],
        ["answers about fewer signatures", "answer(new ArrayBuffer(4))"],
    ])("accepts nothing from a thread that %s", async (_name, code) => {
        const silent = workerUrl(`port.on("message", (buffer) => { ${code} })`);
        pool = new VerifierPool({ threads: 1, workerUrl: silent });
        await expect(pool.verify([await job(0)])).rejects.toMatchObject({ code: "MS_INTERNAL" });
    });

    it("rejects what is under way when it is closed, and all that comes later", async () => {
        pool = new VerifierPool({
            threads: 1,
            workerUrl: workerUrl(`port.on("message", () => {})`),
        });
        const one = await job(0);
        const pending = pool.verify([one]);
        const closed = pool.close();
        await expect(pending).rejects.toMatchObject({ code: "MS_INTERNAL" });
        await closed;
        await expect(pool.verify([one])).rejects.toMatchObject({ code: "MS_INTERNAL" });
        expect(await pool.verify([])).toEqual([]);
    });
});

describe("jobs in a buffer", () => {
    it("come out as they went in, each key once in a row", async () => {
        const rsa: SignatureJob = {
            key: { algorithm: -37, n: new Uint8Array(256).fill(9) },
            algorithm: -37,
            message: new Uint8Array(),
            signature: new Uint8Array(256).fill(3),
        };
        const jobs = [await job(0), await job(3), await job(1), await job(2), rsa];
        const unpacked = [...unpackJobs(packJobs(jobs))];
        expect(unpacked.map(({ keyBytes }) => keyBytes === null)).toEqual([
            ...[false, true, false, false, false],
        ]);
        for (const [i, { algorithm, keyBytes, message, signature }] of unpacked.entries()) {
            const before = jobs[i] as SignatureJob;
            expect({ algorithm, message, signature }).toEqual({
                algorithm: before.algorithm,
                message: before.message,
                signature: before.signature,
            });
            if (keyBytes !== null) expect(unpackKey(keyBytes)).toEqual(before.key);
        }
    });

    it("have no verdict before a thread gave one", async () => {
        const buffer = packJobs([await job(0), await job(1)]);
        expect(() => readVerdicts(buffer, 2)).toThrow(/MS_INTERNAL/);
        verdictsOf(buffer).set([1, 2]);
        expect(readVerdicts(buffer, 2)).toEqual([true, false]);
        expect(() => readVerdicts(buffer, 3)).toThrow(/MS_INTERNAL/);
    });
});
