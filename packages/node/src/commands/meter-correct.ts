import {
    error,
    formatInstant,
    LIMITS,
    type MetersealError,
    parseInstant,
    toHex,
    unwrap,
} from "@meterseal/core";
import type { MeterAgent } from "@meterseal/meter";
import { type CorrectionNote, isReason } from "@meterseal/record";
import { type Command, type Options, requiredOption, textOption } from "../cli/arguments.ts";
import { systemClock } from "../clocks.ts";
import { out, say } from "../console.ts";
import { openAgent, requireNoRefusal, settleNetwork } from "../device/agent.ts";
import { type Device, openDevice } from "../device/device.ts";
import { collectorOf, collectorOptions } from "../device/link.ts";
import { EXIT } from "../exit-codes.ts";
import { shutdownSignal, untilAborted } from "../shutdown.ts";
import { kwh } from "./household-usage.ts";
import { whOption } from "./meter-registers.ts";

/** How two corrections of the same amount and interval are told apart. */
const ANOTHER = "One more like it needs another --reason.";

/** `meterseal meter correct`: energy that was metered wrong, put right without another reading. */
export const meterCorrectCommand: Command = {
    name: "meter correct",
    summary: "enters a correction: energy that a meter counted too little or too much, and why",
    options: {
        dir: { kind: "value", value: "DIR", help: "directory of the meter" },
        plus: { kind: "value", value: "KWH", help: "energy that was not counted" },
        minus: { kind: "value", value: "KWH", help: "energy that was counted and did not flow" },
        reason: {
            kind: "value",
            value: "TEXT",
            help: `why, for the household: one line of at most ${LIMITS.correctionCharacters} characters`,
        },
        from: {
            kind: "value",
            value: "TIME",
            help: "begin of what was metered wrong, ISO 8601, civil in the meter's zone or with offset",
        },
        until: { kind: "value", value: "TIME", help: "its end, not included" },
        ...collectorOptions("the collector of the meter's last record"),
        json: { kind: "flag", help: "prints what was entered as JSON" },
    },
    examples: [
        "meterseal meter correct --dir my-meter --minus 1.25 --from 2026-03-01 --until 2026-03-04 --reason 'transformer ratio 21 instead of 20' --to mqtt://127.0.0.1:1883",
    ],
    async run(options) {
        const directory = requiredOption(options, "dir", "DIR");
        const target = collectorOf(options);
        const device = openDevice(directory);
        const note = readNote(options, device);
        settleNetwork(directory, device);
        const signal = shutdownSignal();
        const agent = await openAgent(directory, device, target);
        try {
            // Before the correction: a full outbox gets room for it from the collector alone.
            await agent.connect();
            const stopped = untilAborted(signal);
            const entered = await Promise.race([agent.correct(note), stopped]);
            if (entered === undefined) throw notEntered(agent);
            const { isNew, seq: record } = entered;
            if (!isNew) say(`It was entered before; nothing is added to it. ${ANOTHER}`);
            await Promise.race([agent.settled(), stopped]);
            requireNoRefusal(agent, `meter ${toHex(device.profile.subject)}`);
            report(options, device, note, { record, isFinal: agent.openRecords === 0 });
        } finally {
            await agent.close();
        }
        return EXIT.ok;
    },
};

/**
 * What the options say of a correction.
 * @throws MetersealError MS_USAGE without amount, reason or interval; MS_CLOCK for an interval of the
 * future.
 */
function readNote(options: Options, { profile }: Device): CorrectionNote {
    const [plus, minus] = ["plus", "minus"].map((name) =>
        textOption(options, name) === undefined ? 0n : whOption(options, name),
    ) as [bigint, bigint];
    if (plus > 0n === minus > 0n) {
        throw error("MS_USAGE", { expected: "either --plus KWH or --minus KWH, above zero" });
    }
    const reason = requiredOption(options, "reason", "TEXT").trim();
    if (!isReason(reason)) {
        const expected = `--reason in one line of at most ${LIMITS.correctionCharacters} characters`;
        throw error("MS_USAGE", { expected });
    }
    const instant = (name: string): number =>
        unwrap(parseInstant(requiredOption(options, name, "TIME"), profile.stream.zone));
    const [fromUnix, toUnix] = [instant("from"), instant("until")];
    if (fromUnix >= toUnix) throw error("MS_USAGE", { expected: "--from before --until" });
    if (toUnix * 1000 > systemClock.nowMs()) {
        throw error("MS_CLOCK", { where: "--until", expected: "an instant of the past" });
    }
    return { plus, minus, fromUnix, toUnix, reason };
}

/** What a person is told who stopped the wait for room in the outbox. */
function notEntered({ openRecords }: MeterAgent): MetersealError {
    const todo = "Nothing was entered: run it again when the collector takes the meter's records.";
    return error("MS_OUTBOX_FULL", { got: `${openRecords} records`, todo });
}

function report(
    options: Options,
    { profile }: Device,
    { fromUnix, minus, plus, reason, toUnix }: CorrectionNote,
    { isFinal, record }: { readonly isFinal: boolean; readonly record: number },
): void {
    const { zone } = profile.stream;
    const [from, to] = [formatInstant(fromUnix, zone), formatInstant(toUnix, zone)];
    if (options.json === true) {
        const place = { meter: toHex(profile.subject), record, final: isFinal };
        const amounts = { plusWh: Number(plus), minusWh: Number(minus) };
        out(JSON.stringify({ ...place, ...amounts, from, to, reason }));
        return;
    }
    const amount = plus > 0n ? `+${kwh(plus)}` : `-${kwh(minus)}`;
    const what = `${amount} kWh for ${from} to ${to}, record ${record}`;
    if (isFinal) {
        say(`Entered and final: ${what}.
It counts from the meter's next reading on; what was sealed before stays as it is.
Running the same again adds nothing. ${ANOTHER}`);
    } else say(`Entered, and not final yet: ${what}. Run the same again to send it.`);
}
