import { describe, it } from "vitest";
import { type Check, type LinkBed, World } from "./link-bed.ts";
import { acknowledges, admits, carriesMessages, tellsRefusals } from "./link-cases.ts";
import { closes, survives } from "./link-fault-cases.ts";

export type { LinkBed } from "./link-bed.ts";
export { ScriptedCollector, TestMeter, until } from "./link-world.ts";

/** Time in milliseconds after which a link under test gives up a `receive` that does not settle. */
const RECEIVE_TIMEOUT_MS = 600;

/**
 * Runs the one suite that every transport has to pass.
 * @param createBed makes fresh surroundings, with the time after which to give up a `receive`.
 */
export function describeLinkCompliance(
    name: string,
    createBed: (receiveTimeoutMs: number) => Promise<LinkBed>,
): void {
    const check: Check = (title, run, receiveTimeoutMs = RECEIVE_TIMEOUT_MS) => {
        it.concurrent(title, async (context) => {
            const world = new World(await createBed(receiveTimeoutMs));
            try {
                await run(world, () => context.skip("this transport cannot do that"));
            } finally {
                await world.close();
            }
        });
    };
    describe(`${name}: link compliance`, () => {
        carriesMessages(check);
        acknowledges(check);
        tellsRefusals(check);
        admits(check);
        survives(check);
        closes(check);
    });
}
