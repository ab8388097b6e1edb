import type { SignatureJob } from "@meterseal/core";
import { testSigner } from "@meterseal/testkit/keys";
import { describe, expect, it } from "vitest";
import { VerifyWindow } from "../src/verify-window.ts";

const { publicKey: key } = testSigner("one");

/** Jobs whose message is their number. */
function jobs(first: number, count: number): SignatureJob[] {
    return Array.from({ length: count }, (_, i) => ({
        key,
        algorithm: key.algorithm,
        message: Uint8Array.of(first + i),
        signature: new Uint8Array(64),
    }));
}

/** A verifier that answers when told to: odd messages are valid. */
function gated(): {
    readonly verify: (jobs: readonly SignatureJob[]) => Promise<boolean[]>;
    readonly calls: number[][];
    release(): void;
} {
    const calls: number[][] = [];
    let waiting: (() => void)[] = [];
    return {
        calls,
        async verify(batch) {
            calls.push(batch.map(({ message }) => message[0] as number));
            await new Promise<void>((resolve) => waiting.push(resolve));
            return batch.map(({ message }) => (message[0] as number) % 2 === 1);
        },
        release() {
            for (const resolve of waiting) resolve();
            waiting = [];
        },
    };
}

async function turns(): Promise<void> {
    for (let i = 0; i < 10; i++) await Promise.resolve();
}

describe("the window of signatures under verification", () => {
    it("holds no more than its size, and lets waiting calls in by their order", async () => {
        const verifier = gated();
        const window = new VerifyWindow(verifier.verify, 4);
        const all = [jobs(0, 3), jobs(10, 2), jobs(20, 1)].map((batch) => window.verify(batch));
        await turns();
        expect(verifier.calls).toEqual([[0, 1, 2]]); // the small third call does not overtake
        verifier.release();
        await turns();
        expect(verifier.calls.slice(1)).toEqual([[10, 11], [20]]);
        verifier.release();
        expect(await Promise.all(all)).toEqual([[false, true, false], [false, true], [false]]);
    });

    it("takes a call that is larger than itself in parts, each verdict in its place", async () => {
        const verifier = gated();
        const answered = new VerifyWindow(verifier.verify, 4).verify(jobs(0, 9));
        for (let part = 0; part < 3; part++) {
            await turns();
            verifier.release();
        }
        expect(await answered).toEqual([0, 1, 0, 1, 0, 1, 0, 1, 0].map((odd) => odd === 1));
        expect(verifier.calls.map((call) => call.length)).toEqual([4, 4, 1]);
    });

    it("lets a call without signatures wait for nobody", async () => {
        const verifier = gated();
        const window = new VerifyWindow(verifier.verify, 4);
        const all = [jobs(0, 4), jobs(10, 1)].map((batch) => window.verify(batch));
        expect(await window.verify([])).toEqual([]);
        expect(verifier.calls).toEqual([[0, 1, 2, 3]]);
        for (let call = 0; call < 2; call++) {
            verifier.release();
            await turns();
        }
        await Promise.all(all);
    });

    it("has room again after a failed call", async () => {
        let fail = true;
        const window = new VerifyWindow((batch) => {
            if (fail) return Promise.reject(new Error("no threads"));
            return Promise.resolve(batch.map(() => true));
        }, 2);
        const first = window.verify(jobs(0, 2));
        const second = window.verify(jobs(2, 2));
        await expect(first).rejects.toThrow("no threads");
        await expect(second).rejects.toThrow("no threads");
        fail = false;
        expect(await window.verify(jobs(4, 2))).toEqual([true, true]);
    });
});
