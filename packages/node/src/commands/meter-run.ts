import { basename } from "node:path";
import { gunzipSync } from "node:zlib";
import { error, LIMITS, toHex, unixOfSlot, unwrap } from "@meterseal/core";
import {
    boundsOf,
    firstSlotFrom,
    type MeterAgent,
    measuredOf,
    parseReadingsCsv,
    type ReadingSeries,
    seriesBoundaries,
} from "@meterseal/meter";
import { FLAG } from "@meterseal/record";
import { type Command, requiredOption, textOption } from "../cli/arguments.ts";
import { systemClock } from "../clocks.ts";
import { out, Progress, say } from "../console.ts";
import { openAgent, requireNoRefusal, settleNetwork } from "../device/agent.ts";
import { clockSentence } from "../device/clock-ahead.ts";
import { type Device, openDevice, provideKeyFile } from "../device/device.ts";
import { collectorOf, collectorOptions } from "../device/link.ts";
import { type DeviceBegin, isOpening, readOpening } from "../device/replacement.ts";
import { EXIT } from "../exit-codes.ts";
import { readBounded } from "../files.ts";
import { shutdownSignal, untilAborted } from "../shutdown.ts";

/** `meterseal meter run`: a meter that seals, signs and sends the readings of a file. */
export const meterRunCommand: Command = {
    name: "meter run",
    summary: "seals, signs and sends the readings of a file, each of them once",
    options: {
        dir: { kind: "value", value: "DIR", help: "directory of the meter, made by meter init" },
        csv: {
            kind: "value",
            value: "FILE",
            help: "readings: timestamp,import_kwh[,export_kwh], or the London layout; may be .gz",
        },
        home: { kind: "value", value: "ID", help: "home in a file of several" },
        ...collectorOptions("the collector"),
        json: { kind: "flag", help: "prints the result as JSON" },
    },
    examples: ["meterseal meter run --dir my-meter --csv readings.csv --to mqtt://127.0.0.1:1883"],
    async run(options) {
        const directory = requiredOption(options, "dir", "DIR");
        const csv = requiredOption(options, "csv", "FILE");
        const target = collectorOf(options);
        const device = openDevice(directory);
        const series = readSeries(csv, textOption(options, "home"), device);
        const opening = readOpening(directory);
        if (opening !== null) requireOwn(series, csv, opening);
        settleNetwork(directory, device);
        const keyFile = provideKeyFile(directory, basename(directory), device);
        const signal = shutdownSignal();
        const agent = await openAgent(directory, device, target);
        try {
            await agent.connect();
            const done = await Promise.race([
                feed(agent, series, opening, signal).then(() => true),
                untilAborted(signal).then(() => false),
            ]);
            return report(agent, device, { keyFile, done, asJson: options.json === true });
        } finally {
            await agent.close();
        }
    },
};

/**
 * Reads the file and holds it against the meter's stream.
 * @throws MetersealError MS_NOT_FOUND, MS_TOO_LARGE, MS_DATA_FILE with the line, MS_STREAM_RULE.
 */
function readSeries(path: string, home: string | undefined, { profile }: Device): ReadingSeries {
    const content = readBounded(path, LIMITS.csvBytes);
    const limit = { maxOutputLength: LIMITS.csvBytes };
    const text = (path.endsWith(".gz") ? gunzipSync(content, limit) : content).toString("utf8");
    const { slotSeconds } = profile.stream;
    const options = home === undefined ? { slotSeconds } : { slotSeconds, home };
    const series = unwrap(parseReadingsCsv(text, path, options));
    const channels = series.exportMicroWh === null ? 1 : 2;
    const measured = measuredOf(profile.stream).groups.length;
    if (channels !== measured) {
        const names = ["no", "import", "import and export"];
        const expected = `${names[measured]}, as the meter's stream has it`;
        throw error("MS_STREAM_RULE", { where: path, expected, got: names[channels] ?? "" });
    }
    const endUnix = unixOfSlot(boundsOf(series).toSlot, slotSeconds);
    if (endUnix * 1000 > systemClock.nowMs() + LIMITS.clockAheadSeconds * 1000) {
        const got = `one until ${new Date(endUnix * 1000).toISOString()}`;
        throw error("MS_CLOCK", { where: path, expected: "readings of the past", got });
    }
    return series;
}

/** The readings of a device begin where it does: what the one before measured is not its own. */
function requireOwn(series: ReadingSeries, path: string, opening: DeviceBegin): void {
    const { slotSeconds } = series;
    const first = firstSlotFrom(opening.atUnix, slotSeconds);
    if (boundsOf(series).fromSlot >= first) return;
    const iso = new Date(unixOfSlot(first, slotSeconds) * 1000).toISOString();
    throw error("MS_DATA_FILE", {
        where: path,
        expected: `readings from ${iso} on, when this meter began`,
        got: `one of ${new Date(unixOfSlot(boundsOf(series).fromSlot, slotSeconds) * 1000).toISOString()}`,
    });
}

/** Gives the meter every boundary that it has not sealed yet, and waits until all is final. */
async function feed(
    agent: MeterAgent,
    series: ReadingSeries,
    opening: DeviceBegin | null,
    signal: AbortSignal,
): Promise<void> {
    if (isOpening(opening) && agent.recordCount === 0) await agent.openEpoch(opening);
    const began = (channel: number): bigint => opening?.registers[channel] ?? 0n;
    const bar = new Progress();
    const { fromSlot, toSlot } = boundsOf(series);
    for (const { missing, registers: grown, slot } of seriesBoundaries(series)) {
        if (signal.aborted) return;
        if (slot < agent.nextSlot) continue;
        const registers = grown.map((register, channel) => register + began(channel));
        await agent.add({ slot, registers, flag: missing ? FLAG.missing : 0 });
        bar.show((slot - fromSlot) / (toSlot - fromSlot), `${agent.recordCount} records`);
    }
    await agent.flush();
    await agent.settled();
    if (agent.refusal === null) bar.finish(`${agent.recordCount} records, all final`);
}

function report(
    agent: MeterAgent,
    device: Device,
    { asJson, done, keyFile }: { asJson: boolean; done: boolean; keyFile: string },
): number {
    requireNoRefusal(agent, `meter ${toHex(device.profile.subject)}`);
    const { clockAhead, openRecords, recordCount } = agent;
    if (asJson) {
        const { network, subject } = device.profile;
        const place = { meter: toHex(subject), network: toHex(network) };
        out(
            JSON.stringify({
                ...place,
                records: recordCount,
                ...{ openRecords, clockAhead, keyFile },
            }),
        );
    } else if (done) say(`Everything is final. The household's key file: ${keyFile}`);
    else {
        const why = clockAhead === null ? "" : ` ${clockSentence(clockAhead)}`;
        say(`Stopped: ${openRecords} records are not final yet.${why} Run it again to go on.`);
    }
    return EXIT.ok;
}
