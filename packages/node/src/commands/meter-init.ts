import { join } from "node:path";
import { error, toHex } from "@meterseal/core";
import { GROUP, mediumOfName, STREAM_MODE } from "@meterseal/record";
import { algorithmOption, algorithmOptionSpec } from "../cli/algorithm-option.ts";
import {
    type Command,
    integerOption,
    type Options,
    requiredOption,
    textOption,
} from "../cli/arguments.ts";
import { NETWORK_OPTION, networkOption } from "../cli/network-option.ts";
import { out, say } from "../console.ts";
import { createDevice, DEVICE_FILES } from "../device/device.ts";
import { EXIT } from "../exit-codes.ts";

/** Groups by the names that a person gives them. */
const GROUPS: Readonly<Record<string, readonly number[]>> = {
    import: [GROUP.import],
    export: [GROUP.export],
    "import,export": [GROUP.import, GROUP.export],
    "import,adjustments": [GROUP.import, GROUP.adjustments],
    "import,export,adjustments": [GROUP.import, GROUP.export, GROUP.adjustments],
};

/** `meterseal meter init`: keys of a new meter, and the request for its operator. */
export const meterInitCommand: Command = {
    name: "meter init",
    summary: "makes a meter's keys and the request that its operator enrols",
    options: {
        dir: {
            kind: "value",
            value: "DIR",
            help: "directory of the meter; made where it is missing",
        },
        zone: {
            kind: "value",
            value: "ZONE",
            help: "IANA time zone of its days, such as Europe/Berlin",
        },
        "slot-seconds": {
            kind: "value",
            value: "N",
            help: "seconds between readings, a divisor of 3600 (900)",
        },
        groups: {
            kind: "value",
            value: "LIST",
            help: "import, export or import,export; with import and ,adjustments it takes corrections (import)",
        },
        medium: {
            kind: "value",
            value: "NAME",
            help: "what it meters: electricity, gas, water or heat (electricity)",
        },
        commitments: {
            kind: "flag",
            help: "signs a commitment to each register, so that bills prove themselves",
        },
        observed: {
            kind: "flag",
            help: "this is a gateway: it reads a meter that cannot sign, and signs for it",
        },
        algorithm: algorithmOptionSpec("ES256"),
        open: { kind: "flag", help: "for a network with open (plaintext) streams" },
        network: NETWORK_OPTION,
        json: { kind: "flag", help: "prints what was made as JSON" },
    },
    examples: [
        "meterseal meter init --dir my-meter --zone Europe/London --slot-seconds 1800",
        "meterseal meter init --dir roof --zone America/Los_Angeles --slot-seconds 3600 --groups import,export --commitments",
    ],
    // biome-ignore lint/suspicious/useAwait: every command is asynchronous to its caller
    async run(options) {
        const directory = requiredOption(options, "dir", "DIR");
        const groups = groupsOption(options);
        const isOpen = options.open === true;
        if (isOpen && options.commitments === true) {
            throw error("MS_USAGE", { expected: "--commitments without --open" });
        }
        const request = createDevice(directory, {
            zone: requiredOption(options, "zone", "ZONE"),
            slotSeconds: integerOption(options, "slot-seconds", {
                min: 1,
                max: 3600,
                byDefault: 900,
            }),
            network: networkOption(options),
            ...mediumOption(options, groups),
            groups,
            mode: isOpen ? STREAM_MODE.open : STREAM_MODE.sealed,
            ...(options.commitments === true ? { committed: groups.length } : {}),
            observed: options.observed === true,
            signing: algorithmOption(options),
        });
        const meter = toHex(request.subject);
        const path = join(directory, DEVICE_FILES.request);
        if (options.json === true) out(JSON.stringify({ meter, request: path }));
        else
            say(`Meter ${meter} is in ${directory}; its keys have mode 600 and stay there.
Next, the operator admits it:  meterseal enrol --data SERVER-DIR ${path}`);
        return EXIT.ok;
    },
};

/** @throws MetersealError MS_USAGE for another medium, or for one that nobody exports. */
function mediumOption(options: Options, groups: readonly number[]): { medium?: number } {
    const name = textOption(options, "medium") ?? "electricity";
    if (name === "electricity") return {};
    const medium = mediumOfName(name);
    if (medium === null) {
        const expected = "--medium electricity, gas, water or heat";
        throw error("MS_USAGE", { expected, got: name });
    }
    if (!groups.includes(GROUP.export)) return { medium };
    throw error("MS_USAGE", { expected: `--groups without export, of ${name}` });
}

function groupsOption(options: Options): readonly number[] {
    const text = textOption(options, "groups") ?? "import";
    const groups = Object.hasOwn(GROUPS, text) ? GROUPS[text] : undefined;
    if (groups !== undefined) return groups;
    const expected = `--groups ${Object.keys(GROUPS).join(" or ")}`;
    throw error("MS_USAGE", { expected, got: text });
}
