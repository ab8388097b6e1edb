import { join } from "node:path";
import { error, toHex } from "@meterseal/core";
import {
    type EpochClosing,
    type EpochOpening,
    endFault,
    type MeterState,
    measuredOf,
} from "@meterseal/meter";
import { EVENT_REASON } from "@meterseal/record";
import { lockMeter } from "@meterseal/stores/sqlite";
import { handInKept } from "../bridge/boundary-journal.ts";
import { algorithmOption, algorithmOptionSpec } from "../cli/algorithm-option.ts";
import { type Command, type OptionSpec, requiredOption } from "../cli/arguments.ts";
import { out, say } from "../console.ts";
import { openAgent, requireNoRefusal, settleNetwork } from "../device/agent.ts";
import { retire } from "../device/counter-file.ts";
import {
    DEVICE_FILES,
    type Device,
    openDevice,
    requireNoDevice,
    type SigningKind,
} from "../device/device.ts";
import { type CollectorAddress, collectorOf, collectorOptions } from "../device/link.ts";
import { createReplacement, createTenancy, lastState } from "../device/replacement.ts";
import { EXIT } from "../exit-codes.ts";
import type { EnrolRequest } from "../server/server.ts";
import {
    ADJUSTMENT_OPTIONS,
    adjustmentsOption,
    instantOption,
    registerOptions,
    registersOption,
} from "./meter-registers.ts";

/** Why a meter goes on under the next keys and seal epoch. */
type Change = Pick<Command, "examples" | "name" | "summary"> & {
    /** One of EVENT_REASON. */
    readonly reason: number;
    /** Options for the registers at the end and the beginning. */
    readonly registers: Readonly<Record<string, OptionSpec>>;
    /** Registers to begin with where no option names them: zero, or those at the end. */
    readonly begins: "at zero" | "where it ended";
    /** Whether the meter before signs its end: always, unless an option says no, or never. */
    readonly closes: "always" | "unless dead" | "never";
    /** What is in the new directory, and whose it is: a sentence. */
    readonly follower: string;
    /** Whether it is another household's, with a stream of its own. */
    readonly isOfNewTenant?: true;
};

const COLLECTOR_OPTIONS = collectorOptions("the collector of the meter's last record");

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
        ...ADJUSTMENT_OPTIONS,
        ...registerOptions("initial", "new meter's first register (0)"),
    },
    begins: "at zero",
    closes: "unless dead",
    follower: "The new meter is in NEW; the household's key file stays as it is.",
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
    closes: "always",
    follower:
        "The meter with its reset register is in NEW; the household's key file stays as it is.",
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
    closes: "always",
    follower: "The meter under its new key is in NEW; the household's key file stays as it is.",
    examples: [
        "meterseal meter rotate-key --dir my-meter --new my-meter-2 --to mqtt://127.0.0.1:1883",
    ],
});

/** `meterseal meter recover`: the same device and register, whose memory is lost or an older copy. */
export const meterRecoverCommand: Command = changeCommand({
    name: "meter recover",
    summary: "goes on with a meter that lost its memory, under the next seal epoch",
    reason: EVENT_REASON.keyRotation,
    registers: {
        ...registerOptions("final", "register as the meter shows it now; needed"),
        ...ADJUSTMENT_OPTIONS,
    },
    begins: "where it ended",
    closes: "never",
    follower: "The meter goes on in NEW; the household's key file stays as it is.",
    examples: ["meterseal meter recover --dir my-meter --new my-meter-2 --final-import 4711.3"],
});

/** `meterseal meter move-in`: the same device and register, another household. */
export const meterMoveInCommand: Command = changeCommand({
    name: "meter move-in",
    summary: "ends a tenant's stream and begins the next tenant's, with a new secret",
    reason: EVENT_REASON.keyRotation,
    registers: registerOptions("final", "register at the handover (as it was sealed last)"),
    begins: "where it ended",
    closes: "always",
    follower: `The next tenant's meter is in NEW, with a stream and a master secret of its own: the tenant before
opens nothing of it, and the next one nothing from before. Give the next tenant NEW/key.json, which
the first run makes, and nobody else; keep the old directory from both until it is sent and deleted.`,
    isOfNewTenant: true,
    examples: [
        "meterseal meter move-in --dir flat-7 --new flat-7-next --at 2026-04-01 --final-import 4711.3 --to mqtt://127.0.0.1:1883",
    ],
});

/** A command that ends a seal epoch with a signed record and makes the keys of the next one. */
function changeCommand(change: Change): Command {
    const { closes, examples, follower, name, reason, registers, summary } = change;
    return {
        name,
        summary,
        options: {
            dir: { kind: "value", value: "OLD", help: "directory of the meter" },
            new: { kind: "value", value: "NEW", help: "directory of what follows it; made" },
            ...(closes === "never" ? {} : COLLECTOR_OPTIONS),
            ...(closes === "unless dead"
                ? { dead: { kind: "flag", help: "the old meter signs nothing any more" } }
                : {}),
            ...registers,
            at: {
                kind: "value",
                value: "TIME",
                help: "when, ISO 8601, civil in the meter's zone or with offset (now)",
            },
            algorithm: algorithmOptionSpec("that of the old key"),
            json: { kind: "flag", help: "prints what was made as JSON" },
        },
        examples,
        async run(options) {
            const directory = requiredOption(options, "dir", "OLD");
            const next = requiredOption(options, "new", "NEW");
            const signing = algorithmOption(options);
            const isDead = closes === "never" || options.dead === true;
            const target = isDead ? null : collectorOf(options);
            const device = openDevice(directory);
            const final = registersOption(options, "final", device);
            const initial = registersOption(options, "initial", device);
            if (closes === "never" && final === null) {
                throw error("MS_USAGE", { expected: "--final-import KWH, as the meter shows it" });
            }
            const instant = { atUnix: instantOption(options, device), reason };
            requireNoDevice(next);
            const adjustments = adjustmentsOption(options, device);
            const plan = { target, final, initial, adjustments, instant };
            const place = { directory: next, signing };
            const request = await succeed(change, { directory, device }, place, plan);
            const meter = toHex(request.subject);
            const path = join(next, DEVICE_FILES.request);
            if (options.json === true) out(JSON.stringify({ meter, request: path }));
            else {
                say(`${isDead ? STATED : CLOSED}
${follower.replaceAll("NEW", next)}
Next, the operator admits it:  meterseal enrol --data SERVER-DIR ${path}`);
            }
            return EXIT.ok;
        },
    };
}

/** How a meter is to end, and what follows it to begin. */
type SuccessionPlan = {
    /** Null where it signs nothing any more. */
    readonly target: CollectorAddress | null;
    readonly instant: Pick<EpochClosing, "atUnix" | "reason">;
    /** Registers as the options say them; null where they do not. */
    readonly final: readonly bigint[] | null;
    readonly initial: readonly bigint[] | null;
    readonly adjustments: readonly bigint[] | null;
};

/** Ends a meter, and makes what follows it. */
async function succeed(
    change: Change,
    old: { readonly directory: string; readonly device: Device },
    place: { readonly directory: string; readonly signing: SigningKind | undefined },
    { adjustments, final, initial, instant, target }: SuccessionPlan,
): Promise<EnrolRequest> {
    const { device, directory } = old;
    // One that writes no last record is locked as well: else it would go on beside its follower.
    const lock = target === null ? lockMeter(directory) : null;
    try {
        const state = await endingState(directory, device, instant.atUnix);
        settleNetwork(directory, device);
        const { registers: ended, ...end } =
            target === null
                ? stateEnd(directory, state, final, adjustments)
                : await closeOld(directory, device, target, { ...instant, final });
        const zero = Array(measuredOf(device.profile.stream).groups.length).fill(0n);
        const registers = initial ?? (change.begins === "at zero" ? zero : ended);
        const request = makeFollower(change, place, old, { ...instant, registers, end });
        if (target === null) await retire(directory, state?.starts ?? 0);
        return request;
    } finally {
        lock?.release();
    }
}

/**
 * What the memory of a meter has that ends at an instant; null where it is lost.
 * @throws MetersealError MS_SEAL_ORDER where it sealed behind that instant.
 */
async function endingState(
    directory: string,
    { profile }: Device,
    atUnix: number,
): Promise<MeterState | null> {
    const state = await lastState(directory);
    const fault = state === null ? null : endFault(profile, state, atUnix);
    if (fault === null) return state;
    throw fault;
}

/** What follows a meter: of the same household, or of the next tenant. */
function makeFollower(
    change: Change,
    {
        directory,
        signing,
    }: { readonly directory: string; readonly signing: SigningKind | undefined },
    old: { readonly directory: string; readonly device: Device },
    { end, ...begin }: EpochClosing & { readonly end: Omit<EpochOpening["before"], "sealEpoch"> },
): EnrolRequest {
    if (change.isOfNewTenant === true) return createTenancy(directory, old, begin, signing);
    const { sealEpoch } = old.device.profile.stream;
    return createReplacement(directory, old, { ...begin, before: { sealEpoch, ...end } }, signing);
}

const CLOSED = "The closing record is final; the old key seals nothing any more.";
const STATED =
    "What follows states what is known of the end; the old directory starts no meter any more.";

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
    const source = device.observed ? "registers" : "intervals";
    const agent = await openAgent(directory, device, target, source);
    try {
        // Before the closing record: a full outbox gets room for it from the collector alone.
        await agent.connect();
        if (agent.closing === null) {
            const { final, ...instant } = end;
            await handInKept(agent, directory);
            await agent.closeEpoch({ ...instant, registers: final ?? agent.registers });
        } else say("The meter has closed before; the final register that it signed stands.");
        await agent.settled();
        requireNoRefusal(agent, `meter ${toHex(device.profile.subject)}`);
        if (agent.closing === null) throw error("MS_INTERNAL", { where: "closing record" });
        return { closing: agent.closing, registers: agent.registers };
    } finally {
        await agent.close();
    }
}

/**
 * What is stated of a dead meter; never less than it sealed itself, where that is known. What it added
 * and took away by corrections is as its memory has it, or as the options say.
 */
function stateEnd(
    directory: string,
    state: MeterState | null,
    measured: readonly bigint[] | null,
    adjustments: readonly bigint[] | null,
): { readonly stated?: readonly bigint[]; readonly registers: readonly bigint[] } {
    const last = state?.registers ?? [];
    if (measured === null) return { registers: last };
    const corrected = adjustments ?? state?.adjustments;
    if (corrected === undefined) {
        const todo = "Its memory is lost: say what all its corrections added and took away, or 0.";
        throw error("MS_USAGE", { expected: "--final-plus KWH and --final-minus KWH", todo });
    }
    const stated = [...measured, ...corrected];
    if (stated.some((register, channel) => register < (last[channel] ?? 0n))) {
        const expected = "a final register not below the last one that it sealed";
        throw error("MS_REGISTER_DECREASED", { where: directory, expected });
    }
    return { stated, registers: measured };
}
