import { dirname, join } from "node:path";
import { error, LIMITS, toHex, unwrap } from "@meterseal/core";
import { isPartyName, PARTY_ROLE } from "@meterseal/record";
import { parseKeyFile } from "@meterseal/wallet";
import {
    type Command,
    type OptionSpec,
    type Options,
    requiredOption,
    textOption,
} from "../cli/arguments.ts";
import { NETWORK_OPTION, networkOption } from "../cli/network-option.ts";
import { out, say } from "../console.ts";
import { EXIT } from "../exit-codes.ts";
import { readBounded } from "../files.ts";
import { type PartyRequest, roleName } from "../party/exchange.ts";
import { createParty, PARTY_FILES, type PartyPlan, rotateParty } from "../party/party.ts";

const JSON_OPTION: OptionSpec = { kind: "flag", help: "prints what was made as JSON" };
/** `meterseal provider init` and `monitor init`: keys of somebody whom households grant sums to. */
function recipientInit(role: number, summary: string, example: string): Command {
    const name = roleName(role);
    return {
        name: `${name} init`,
        summary,
        options: {
            name: { kind: "value", value: "NAME", help: "what people call it; public" },
            out: { kind: "value", value: "DIR", help: "its directory; made where it is missing" },
            network: NETWORK_OPTION,
            json: JSON_OPTION,
        },
        examples: [example],
        async run(options) {
            const directory = requiredOption(options, "out", "DIR");
            const plan = {
                ...{ role, name: nameOption(options), streams: [] },
                network: networkOption(options),
            };
            return tell(options, directory, await createParty(directory, plan));
        },
    };
}

/** `meterseal provider init` */
export const providerInitCommand: Command = recipientInit(
    PARTY_ROLE.provider,
    "makes a provider's keys and the request that the operator admits",
    'meterseal provider init --name "Example Energy" --out my-provider',
);

/** `meterseal monitor init` */
export const monitorInitCommand: Command = recipientInit(
    PARTY_ROLE.monitor,
    "makes the keys of a monitor of the neighbourhood, and the request that the operator admits",
    'meterseal monitor init --name "Feeder 12" --out my-monitor',
);

/** `meterseal wallet init`: keys of a household, beside the key file of its meter. */
export const walletInitCommand: Command = {
    name: "wallet init",
    summary: "makes a household's wallet for the stream of a key file, and the request to admit it",
    options: {
        key: { kind: "value", value: "FILE", help: "key file of the household" },
        name: {
            kind: "value",
            value: "NAME",
            help: "what people call it: public, beside the meter's pseudonym (none)",
        },
        out: {
            kind: "value",
            value: "DIR",
            help: "directory of the wallet (that of the key file)",
        },
        json: JSON_OPTION,
    },
    examples: ["meterseal wallet init --key my-meter/key.json"],
    async run(options) {
        const path = requiredOption(options, "key", "FILE");
        const key = unwrap(parseKeyFile(readBounded(path, LIMITS.recordBytes).toString("utf8")));
        const directory = textOption(options, "out") ?? dirname(path);
        const plan: PartyPlan = {
            role: PARTY_ROLE.household,
            // Public on the ledger: a name there would end the pseudonym of the meter for everybody.
            name: nameOption(options, ""),
            streams: [key.stream.streamId],
            network: key.network,
        };
        return tell(options, directory, await createParty(directory, plan));
    },
};

/** `meterseal party rotate`: a new signing key for a party. */
export const partyRotateCommand: Command = {
    name: "party rotate",
    summary: "makes a new signing key for a household, provider or monitor, and the request for it",
    options: {
        dir: { kind: "value", value: "DIR", help: "directory of the party" },
        json: JSON_OPTION,
    },
    examples: ["meterseal party rotate --dir my-provider"],
    // biome-ignore lint/suspicious/useAwait: every command is asynchronous to its caller
    async run(options) {
        const directory = requiredOption(options, "dir", "DIR");
        return tell(options, directory, rotateParty(directory));
    },
};

function tell(options: Options, directory: string, request: PartyRequest): number {
    const path = join(directory, PARTY_FILES.request);
    const [party, role] = [toHex(request.id), roleName(request.role)];
    if (options.json === true) {
        out(JSON.stringify({ role, party, keyEpoch: request.keyEpoch, request: path }));
        return EXIT.ok;
    }
    const what =
        request.keyEpoch === 0
            ? `The ${role} ${party} is in ${directory}; its keys have mode 600 and stay there.`
            : `The new key of ${role} ${party} is in ${directory}; the old one serves until the answer is there.`;
    say(`${what}
Next, the operator admits it:  meterseal enrol --data SERVER-DIR ${path}`);
    return EXIT.ok;
}

function nameOption(options: Options, byDefault?: string): string {
    const given = textOption(options, "name");
    if (given === undefined && byDefault !== undefined) return byDefault;
    const name = given ?? requiredOption(options, "name", "NAME");
    if (isPartyName(name)) return name;
    throw error("MS_USAGE", { expected: "--name with one line of at most 64 bytes", got: name });
}
