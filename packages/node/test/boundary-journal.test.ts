import { appendFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { BoundaryJournal } from "../src/bridge/boundary-journal.ts";

const FIRST = { slot: 7, registers: [12n, 2n ** 60n], flag: 0 } as const;
const SECOND = { slot: 8, registers: [13n, 2n ** 60n + 1n], flag: 1 } as const;

let directory: string;
beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "meterseal-journal-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

/** What a journal says after a start. */
function readAgain(): unknown {
    const journal = new BoundaryJournal(directory);
    const all = { boundaries: journal.from(0), counter: journal.counter };
    journal.close();
    return all;
}

describe("the boundaries that are in no record yet", () => {
    beforeEach(() => {
        const journal = new BoundaryJournal(directory);
        journal.keep([FIRST], { value: 3 } as never);
        journal.keep([SECOND], { value: 4 } as never);
        journal.close();
    });

    it("are there after a start, without the line that a crash cut off", () => {
        appendFileSync(join(directory, "boundaries.jsonl"), '{"slot":9,"regi');
        expect(readAgain()).toEqual({ boundaries: [FIRST, SECOND], counter: 4 });
    });

    it.each([
        "garbage",
        "null",
        '{"slot":9,"registers":["1.5"],"flag":0,"counter":5}',
        '{"slot":9,"registers":[],"flag":0,"counter":5}',
        '{"slot":9,"registers":["1"],"flag":0}',
        '{"slot":"9","registers":["1"],"flag":0,"counter":5}',
    ])("stop the start, and stay, beside a line such as %s", (line) => {
        const path = join(directory, "boundaries.jsonl");
        appendFileSync(path, `${line}\n`);
        const before = readFileSync(path);
        expect(readAgain).toThrow(
            expect.objectContaining({
                code: "MS_STORE_FORMAT",
                message: expect.stringContaining("boundaries.jsonl, line 3"),
            }),
        );
        expect(readFileSync(path)).toEqual(before);
    });
});
