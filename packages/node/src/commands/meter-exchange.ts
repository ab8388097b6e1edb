import { join } from "node:path";
import { error, parseInstant, toHex, unwrap } from "@meterseal/core";
import { EVENT_REASON } from "@meterseal/record";
import { type Command, type Options, requiredOption, textOption } from "../cli/arguments.ts";
import { systemClock } from "../clocks.ts";
import { out, say } from "../console.ts";
import {
    type CollectorAddress,
    collectorOf,
    openAgent,
    requireNoRefusal,
    settleNetwork,
} from "../device/agent.ts";
import { DEVICE_FILES, type Device, openDevice, requireNoDevice } from "../device/device.ts";
import { createReplacement, lastRegisters } from "../device/replacement.ts";
import { EXIT } from "../exit-codes.ts";

/** kWh as a display shows it: whole Wh at the finest. */
const KWH = /^(\d{1,12})(?:\.(\d{1,3}))?$/;

/** `meterseal meter exchange`: the old device closes its seal epoch, a new one follows it. */
export const meterExchangeCommand: Command = {
    name: "meter exchange",
    summary: "ends a meter with a signed final register and makes the one that follows it",
    options: {
        dir: { kind: "value", value: "OLD", help: "directory of the old meter" },
        new: { kind: "value", value: "NEW", help: "directory of the new one; made" },
        to: { kind: "value", value: "URL", help: "the collector of the old meter's last record" },
        ca: { kind: "value", value: "FILE", help: "certificates to trust for https, PEM" },
        dead: { kind: "flag", help: "the old meter signs nothing any more" },
        "final-import": {
            kind: "value",
            value: "KWH",
            help: "old meter's last register (as it was sealed last; --dead: unknown)",
        },
        "final-export": { kind: "value", value: "KWH", help: "likewise of a meter with export" },
        "initial-import": { kind: "value", value: "KWH", help: "new meter's first register (0)" },
        "initial-export": { kind: "value", value: "KWH", help: "likewise of a meter with export" },
        at: {
            kind: "value",
            value: "TIME",
            help: "when, ISO 8601, civil in the meter's zone or with offset (now)",
        },
        json: { kind: "flag", help: "prints what was made as JSON" },
    },
    examples: [
        "meterseal meter exchange --dir my-meter --new my-new-meter --initial-import 7 --to mqtt://127.0.0.1:1883",
        "meterseal meter exchange --dir my-meter --new my-new-meter --dead --final-import 4711.3",
    ],
    async run(options) {
        const directory = requiredOption(options, "dir", "OLD");
        const next = requiredOption(options, "new", "NEW");
        const isDead = options.dead === true;
        const target = isDead ? null : collectorOf(options);
        const device = openDevice(directory);
        const final = registersOption(options, "final", device);
        const initial = registersOption(options, "initial", device);
        const atUnix = timeOption(options, device);
        requireNoDevice(next);
        settleNetwork(directory, device);
        const end = { ...{ atUnix, reason: EVENT_REASON.exchange }, final };
        const ended =
            target === null
                ? await stateEnd(directory, final)
                : { closing: await closeOld(directory, device, target, end) };
        const { sealEpoch, groups } = device.profile.stream;
        const request = createReplacement(
            next,
            { directory, device },
            {
                ...{ atUnix, reason: EVENT_REASON.exchange },
                registers: initial ?? groups.map(() => 0n),
                before: { sealEpoch, ...ended },
            },
        );
        const meter = toHex(request.subject);
        const path = join(next, DEVICE_FILES.request);
        if (options.json === true) out(JSON.stringify({ meter, request: path }));
        else
            say(`${isDead ? "The new meter states what is known of the old one's end." : "The old meter's closing record is final; it seals nothing any more."}
The new meter is in ${next}; the household's key file stays as it is.
Next, the operator admits it:  meterseal enrol --data SERVER-DIR ${path}`);
        return EXIT.ok;
    },
};

/** Writes the closing record, or finds the one of an earlier try, and waits until it is final. */
async function closeOld(
    directory: string,
    device: Device,
    target: CollectorAddress,
    end: {
        readonly atUnix: number;
        readonly reason: number;
        readonly final: readonly bigint[] | null;
    },
): Promise<Uint8Array> {
    const agent = await openAgent(directory, device, target);
    try {
        if (agent.closing === null) {
            const { final, ...instant } = end;
            await agent.closeEpoch({ ...instant, registers: final ?? agent.registers });
        } else say("The old meter has closed before; the final register that it signed stands.");
        await agent.connect();
        await agent.settled();
        requireNoRefusal(agent, `meter ${toHex(device.profile.subject)}`);
        if (agent.closing === null) throw error("MS_INTERNAL", { where: "closing record" });
        return agent.closing;
    } finally {
        await agent.close();
    }
}

/** What is stated of a dead meter; never less than it sealed itself, where that is known. */
async function stateEnd(
    directory: string,
    stated: readonly bigint[] | null,
): Promise<{ readonly stated?: readonly bigint[] }> {
    if (stated === null) return {};
    const last = await lastRegisters(directory);
    if (stated.some((register, channel) => register < (last[channel] ?? 0n))) {
        const expected = "a final register not below the last one that it sealed";
        throw error("MS_REGISTER_DECREASED", { where: directory, expected });
    }
    return { stated };
}

/** Registers of all channels of the meter in Wh; null where none is given. */
function registersOption(
    options: Options,
    name: "final" | "initial",
    { profile }: Device,
): readonly bigint[] | null {
    const names = ["import", "export"].map((channel) => `${name}-${channel}`);
    const own = names.slice(0, profile.stream.groups.length);
    const given = names.filter((each) => textOption(options, each) !== undefined);
    if (given.length === 0) return null;
    if (given.join() !== own.join()) {
        const flags = (list: readonly string[]): string =>
            list.map((each) => `--${each}`).join(" and ");
        throw error("MS_USAGE", { expected: flags(own), got: flags(given) });
    }
    return own.map((each) => {
        const match = KWH.exec(textOption(options, each) ?? "");
        const [, whole = "", decimals = ""] = match ?? [];
        if (match !== null) return BigInt(whole) * 1000n + BigInt(decimals.padEnd(3, "0"));
        throw error("MS_USAGE", {
            expected: `--${each} in kWh with at most 3 decimals, such as 7.5`,
        });
    });
}

function timeOption(options: Options, { profile }: Device): number {
    const text = textOption(options, "at");
    const nowUnix = Math.floor(systemClock.nowMs() / 1000);
    if (text === undefined) return nowUnix;
    const atUnix = unwrap(parseInstant(text, profile.stream.zone));
    if (atUnix <= nowUnix) return atUnix;
    throw error("MS_CLOCK", { where: "--at", expected: "an instant of the past", got: text });
}
