import { LIMITS } from "@meterseal/core";
import { describe, expect, it } from "vitest";
import { TurnGate } from "../src/turns.ts";

/** Turns of an event loop that come when they are called for. */
class Turns {
    #waiting: (() => void)[] = [];

    readonly next = (): Promise<void> => new Promise((resolve) => this.#waiting.push(resolve));

    /** Begins the next turn; false when nobody waits for it. */
    async begin(): Promise<boolean> {
        const waiting = this.#waiting.splice(0);
        for (const resolve of waiting) resolve();
        await settle();
        return waiting.length > 0;
    }
}

async function settle(): Promise<void> {
    for (let i = 0; i < 10; i++) await Promise.resolve();
}

describe("the gate of turns", () => {
    it("lets in a turn's bytes, the next messages in the next turns, each in its order", async () => {
        const turns = new Turns();
        const gate = new TurnGate(turns.next);
        const entered: number[] = [];
        const half = LIMITS.turnBytes / 2;
        for (const [number, bytes] of [half, half, 1, half, half].entries()) {
            void gate.enter(bytes).then(() => entered.push(number));
        }
        await settle();
        expect(entered).toEqual([0, 1]);
        await turns.begin();
        expect(entered).toEqual([0, 1, 2, 3]); // the last would be one byte too much
        await turns.begin();
        expect(entered).toEqual([0, 1, 2, 3, 4]);
    });

    it("lets a message larger than a turn in, alone", async () => {
        const turns = new Turns();
        const gate = new TurnGate(turns.next);
        const entered: number[] = [];
        for (const [number, bytes] of [LIMITS.messageBytes, 1, LIMITS.messageBytes].entries()) {
            void gate.enter(bytes).then(() => entered.push(number));
        }
        await settle();
        expect(entered).toEqual([0]);
        await turns.begin();
        expect(entered).toEqual([0, 1]);
        await turns.begin();
        expect(entered).toEqual([0, 1, 2]);
    });

    it("rests when nobody comes, and opens again", async () => {
        const turns = new Turns();
        const gate = new TurnGate(turns.next);
        for (let round = 0; round < 3; round++) {
            await gate.enter(LIMITS.turnBytes);
            expect(await turns.begin()).toBe(true);
            expect(await turns.begin()).toBe(false);
        }
    });
});
