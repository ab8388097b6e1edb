import { join } from "node:path";
import { error, toHex } from "@meterseal/core";
import { EVENT_REASON } from "@meterseal/record";
import { type Command, type OptionSpec, requiredOption } from "../cli/arguments.ts";
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
import { instantOption, registerOptions, registersOption } from "./meter-registers.ts";

/** Why a meter goes on under the next keys and seal epoch. */
type Change = Pick<Command, "examples" | "name" | "summary"> & {
    /** One of EVENT_REASON. */
    readonly reason: number;
    /** Options for the registers at the end and the beginning. */
    readonly registers: Readonly<Record<string, OptionSpec>>;
    /** Registers to begin with where no option names them: zero, or those at the end. */
    readonly begins: "at zero" | "where it ended";
    /** Whether the change can be made behind a meter that signs nothing any more. */
    readonly mayBeDead: boolean;
    /** What is in the new directory, for a sentence. */
    readonly follower: string;
};

/** `meterseal meter exchange`: the old device closes its seal epoch, a new one follows it. */
export const meterExchangeCommand: Command = changeCommand({
    name: "meter exchange",
    summary: "ends a meter with a signed final register and makes the one that follows it",
    reason: EVENT_REASON.exchange,
    registers: {
        ...registerOptions(
            "final",
            "old meter's last register (as it was sealed last; --dead: unknown)",
        ),
        ...registerOptions("initial", "new meter's first register (0)"),
    },
    begins: "at zero",
    mayBeDead: true,
    follower: "The new meter",
    examples: [
        "meterseal meter exchange --dir my-meter --new my-new-meter --initial-import 7 --to mqtt://127.0.0.1:1883",
        "meterseal meter exchange --dir my-meter --new my-new-meter --dead --final-import 4711.3",
    ],
});

/** `meterseal meter reset-register`: the same device, whose register was set back. */
export const meterResetRegisterCommand: Command = changeCommand({
    name: "meter reset-register",
    summary: "goes on with a meter whose register was set back",
    reason: EVENT_REASON.reset,
    registers: {
        ...registerOptions("final", "register before it was set back (as it was sealed last)"),
        ...registerOptions("initial", "register after it (0)"),
    },
    begins: "at zero",
    mayBeDead: false,
    follower: "The meter with its reset register",
    examples: [
        "meterseal meter reset-register --dir my-meter --new my-meter-2 --final-import 99999.9 --to mqtt://127.0.0.1:1883",
    ],
});

/** `meterseal meter rotate-key`: the same device and register under a new signing key. */
export const meterRotateKeyCommand: Command = changeCommand({
    name: "meter rotate-key",
    summary: "gives a meter a new signing key and seal epoch; its register goes on",
    reason: EVENT_REASON.keyRotation,
    registers: registerOptions("final", "register at that instant (as it was sealed last)"),
    begins: "where it ended",
    mayBeDead: false,
    follower: "The meter under its new key",
    examples: [
        "meterseal meter rotate-key --dir my-meter --new my-meter-2 --to mqtt://127.0.0.1:1883",
    ],
});

/** A command that ends a seal epoch with a signed record and makes the keys of the next one. */
function changeCommand(change: Change): Command {
    const { begins, examples, follower, mayBeDead, name, reason, registers, summary } = change;
    return {
        name,
        summary,
        options: {
            dir: { kind: "value", value: "OLD", help: "directory of the meter" },
            new: { kind: "value", value: "NEW", help: "directory of what follows it; made" },
            to: { kind: "value", value: "URL", help: "the collector of the meter's last record" },
            ca: { kind: "value", value: "FILE", help: "certificates to trust for https, PEM" },
            ...(mayBeDead
                ? { dead: { kind: "flag", help: "the old meter signs nothing any more" } }
                : {}),
            ...registers,
            at: {
                kind: "value",
                value: "TIME",
                help: "when, ISO 8601, civil in the meter's zone or with offset (now)",
            },
            json: { kind: "flag", help: "prints what was made as JSON" },
        },
        examples,
        async run(options) {
            const directory = requiredOption(options, "dir", "OLD");
            const next = requiredOption(options, "new", "NEW");
            const isDead = options.dead === true;
            const target = isDead ? null : collectorOf(options);
            const device = openDevice(directory);
            const final = registersOption(options, "final", device);
            const initial = registersOption(options, "initial", device);
            const instant = { atUnix: instantOption(options, device), reason };
            requireNoDevice(next);
            settleNetwork(directory, device);
            const { registers: ended, ...end } =
                target === null
                    ? await stateEnd(directory, final)
                    : await closeOld(directory, device, target, { ...instant, final });
            const { sealEpoch, groups } = device.profile.stream;
            const zero = groups.map(() => 0n);
            const request = createReplacement(
                next,
                { directory, device },
                {
                    ...instant,
                    registers: initial ?? (begins === "at zero" ? zero : ended),
                    before: { sealEpoch, ...end },
                },
            );
            const meter = toHex(request.subject);
            const path = join(next, DEVICE_FILES.request);
            if (options.json === true) out(JSON.stringify({ meter, request: path }));
            else
                say(`${isDead ? "The new meter states what is known of the old one's end." : "The closing record is final; the old key seals nothing any more."}
${follower} is in ${next}; the household's key file stays as it is.
Next, the operator admits it:  meterseal enrol --data SERVER-DIR ${path}`);
            return EXIT.ok;
        },
    };
}

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
): Promise<{ readonly closing: Uint8Array; readonly registers: readonly bigint[] }> {
    const agent = await openAgent(directory, device, target);
    try {
        if (agent.closing === null) {
            const { final, ...instant } = end;
            await agent.closeEpoch({ ...instant, registers: final ?? agent.registers });
        } else say("The meter has closed before; the final register that it signed stands.");
        await agent.connect();
        await agent.settled();
        requireNoRefusal(agent, `meter ${toHex(device.profile.subject)}`);
        if (agent.closing === null) throw error("MS_INTERNAL", { where: "closing record" });
        return { closing: agent.closing, registers: agent.registers };
    } finally {
        await agent.close();
    }
}

/** What is stated of a dead meter; never less than it sealed itself, where that is known. */
async function stateEnd(
    directory: string,
    stated: readonly bigint[] | null,
): Promise<{ readonly stated?: readonly bigint[]; readonly registers: readonly bigint[] }> {
    const last = await lastRegisters(directory);
    if (stated === null) return { registers: last };
    if (stated.some((register, channel) => register < (last[channel] ?? 0n))) {
        const expected = "a final register not below the last one that it sealed";
        throw error("MS_REGISTER_DECREASED", { where: directory, expected });
    }
    return { stated, registers: stated };
}
