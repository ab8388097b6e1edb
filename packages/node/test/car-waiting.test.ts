import { join } from "node:path";
import { unwrap } from "@meterseal/core";
import { type MeterRecord, parseRecord } from "@meterseal/record";
import { TestChain } from "@meterseal/testkit/records";
import { describe, expect, it } from "vitest";
import { exportCar } from "../src/archive/export-car.ts";
import { verifyDirectory } from "../src/verify/verify.ts";
import { verifyCar } from "../src/verify/verify-car.ts";
import { useScratch } from "./fixture.ts";
import { growDirectory } from "./grown-directory.ts";

const scratch = useScratch();

/**
 * A server that was cut off: one record in the log, then those that are made here in a vertex that is
 * not, and a loose one behind them.
 */
async function cutOff(
    name: string,
    waiting: (chain: TestChain) => Promise<MeterRecord[]>,
): Promise<string> {
    const dir = join(scratch, name);
    const directory = await growDirectory(dir);
    const chain = new TestChain(await directory.meter("meter"));
    await directory.log([await chain.usage()]);
    await directory.keep(await waiting(chain));
    await directory.store.insertRecords([await chain.usage()]);
    await directory.close();
    return dir;
}

/** What the directory and an archive of it come to. */
async function checked(dir: string) {
    const car = `${dir}.car`;
    await exportCar(dir, car, () => undefined);
    const [directory, archive] = [
        await verifyDirectory(dir, [], () => undefined),
        await verifyCar(car, [], () => undefined),
    ];
    return { directory, archive };
}

describe("an archive of a server whose last vertex is not in the log", () => {
    it("holds like its directory, with the same counts", async () => {
        const dir = await cutOff("honest", async (chain) => [await chain.usage()]);
        const { archive, directory } = await checked(dir);
        expect([directory.faults, archive.faults]).toEqual([[], []]);
        expect(archive.counts).toEqual(directory.counts);
        expect(archive.counts).toMatchObject({ records: 3, looseRecords: 2 });
    });

    it("does not hold where a record of that vertex was never signed by its meter", async () => {
        const dir = await cutOff("forged", async (chain) => {
            const bytes = (await chain.usage()).message.bytes.slice();
            const last = bytes.length - 1; // in the signature
            bytes[last] = (bytes[last] as number) ^ 1;
            const forged = unwrap(parseRecord(bytes));
            chain.head = forged.message.hash;
            return [forged];
        });
        const { archive, directory } = await checked(dir);
        expect(directory.faults).toMatchObject([{ code: "MS_SIGNATURE_BAD" }]);
        expect(archive.faults).toEqual(directory.faults);
    });

    it("does not hold where a record of that vertex is missing", async () => {
        const dir = await cutOff("gap", async (chain) => {
            await chain.usage();
            return [await chain.usage()];
        });
        const { archive, directory } = await checked(dir);
        expect(directory.faults).toMatchObject([{ code: "MS_GAP" }]);
        expect(archive.faults).toEqual(directory.faults);
    });
});
