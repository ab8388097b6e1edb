import { dirname, join } from "node:path";
import { error, toHex, unwrap } from "@meterseal/core";
import { type Command, requiredOption, textOption } from "../cli/arguments.ts";
import { out, say } from "../console.ts";
import { DEVICE_FILES } from "../device/device.ts";
import {
    type EnrolmentAnswer,
    formatAnswer,
    formatRequest,
    parseAnswer,
    parseRequest,
} from "../device/exchange.ts";
import { EXIT } from "../exit-codes.ts";
import { readBounded, requireDirectory, writeWhole } from "../files.ts";
import {
    formatPartyAnswer,
    formatPartyRequest,
    PARTY_REQUEST,
    parsePartyAnswer,
    parsePartyRequest,
    roleName,
} from "../party/exchange.ts";
import { PARTY_FILES } from "../party/party.ts";
import { asOperator } from "../server/as-operator.ts";
import { ENROL_ROUTE } from "../server/operator.ts";
import { PARTIES_ROUTE } from "../server/party-routes.ts";
import type { EnrolRequest } from "../server/server.ts";

/** Longest file of a request. */
const REQUEST_BYTES = 16_384;

/** `meterseal enrol`: admits a meter or a party to the network of a server. */
export const enrolCommand: Command = {
    name: "enrol",
    positional: "REQUEST",
    summary:
        "admits a meter, household, provider or monitor to a server's network, also while it runs",
    options: {
        data: {
            kind: "value",
            value: "DIR",
            help: "data directory of the server, whose operator you are",
        },
        out: {
            kind: "value",
            value: "FILE",
            help: "the answer (enrolment.json or party.json beside REQUEST)",
        },
        json: { kind: "flag", help: "prints the answer as JSON" },
    },
    examples: [
        "meterseal enrol --data .meterseal/utility my-meter/request.json",
        "meterseal enrol --data .meterseal/utility my-provider/party-request.json",
    ],
    async run(options, [source]) {
        const dataDir = requiredOption(options, "data", "DIR");
        if (source === undefined)
            throw error("MS_USAGE", {
                expected: "REQUEST: a meter's request.json, or a party-request.json",
            });
        requireDirectory(dataDir);
        const text = readBounded(source, REQUEST_BYTES).toString("utf8");
        const isParty = text.includes(`"${PARTY_REQUEST}"`);
        const admitted = await (isParty ? admitParty : admitMeter)(dataDir, text);
        const path = textOption(options, "out") ?? join(dirname(source), admitted.file);
        writeWhole(path, admitted.answer);
        if (options.json === true) out(admitted.answer.replaceAll(/\n\s*/g, ""));
        else say(admitted.words(path));
        return EXIT.ok;
    },
};

/** What was admitted, and what to tell of it. */
type Admitted = {
    /** Text of the answer. */
    readonly answer: string;
    /** Name of its file beside the request. */
    readonly file: string;
    readonly words: (path: string) => string;
};

async function admitMeter(dataDir: string, text: string): Promise<Admitted> {
    const answer = await enrolMeter(dataDir, unwrap(parseRequest(text)));
    return {
        answer: formatAnswer(answer),
        file: DEVICE_FILES.enrolment,
        words: (path) => `Enrolled in network ${toHex(answer.network)}.
The answer is in ${path}; it belongs into the meter's directory. Tell the meter's owner the
network by another way than that file: the meter names it at its first run.
Next, the meter:  meterseal meter run --dir ${dirname(path)} --csv FILE --to mqtt://HOST:PORT`,
    };
}

async function admitParty(dataDir: string, text: string): Promise<Admitted> {
    const request = unwrap(parsePartyRequest(text));
    const answer = await asOperator(dataDir, {
        route: PARTIES_ROUTE,
        body: formatPartyRequest(request),
        read: (body) => unwrap(parsePartyAnswer(body)),
        local: (server) => server.admitParty(request),
    });
    const streams = request.streams.length;
    const owned = streams === 0 ? "" : ` It owns ${streams} stream${streams === 1 ? "" : "s"}.`;
    return {
        answer: formatPartyAnswer(answer),
        file: PARTY_FILES.answer,
        words: (
            path,
        ) => `Admitted ${roleName(request.role)} ${toHex(request.id)} to network ${toHex(answer.network)}.${owned}
The answer is in ${path}; it belongs into the directory of whoever asked. Tell them the
network by another way than that file.`,
    };
}

async function enrolMeter(dataDir: string, request: EnrolRequest): Promise<EnrolmentAnswer> {
    return await asOperator(dataDir, {
        route: ENROL_ROUTE,
        body: formatRequest(request),
        read: (text) => unwrap(parseAnswer(text)),
        local: (server) => server.enrol(request),
    });
}
