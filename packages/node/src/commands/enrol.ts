import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { error, toHex, unwrap } from "@meterseal/core";
import { lockHolder } from "@meterseal/stores";
import { type Command, requiredOption, textOption } from "../cli/arguments.ts";
import { systemClock, systemRandom } from "../clocks.ts";
import { consoleLog, out, say } from "../console.ts";
import { DEVICE_FILES } from "../device/device.ts";
import {
    type EnrolmentAnswer,
    formatAnswer,
    formatRequest,
    parseAnswer,
    parseRequest,
} from "../device/exchange.ts";
import { EXIT } from "../exit-codes.ts";
import { PLACES, requireDirectory, writeWhole } from "../files.ts";
import { ENROL_ROUTE, loadOperatorToken, readAddress } from "../server/operator.ts";
import { type EnrolRequest, startServer } from "../server/server.ts";

/** `meterseal enrol`: admits a meter to the network of a server. */
export const enrolCommand: Command = {
    name: "enrol",
    positional: "REQUEST",
    summary: "admits a meter to a server's network, also while the server runs",
    options: {
        data: {
            kind: "value",
            value: "DIR",
            help: "data directory of the server, whose operator you are",
        },
        out: {
            kind: "value",
            value: "FILE",
            help: "the answer for the meter (enrolment.json beside REQUEST)",
        },
        json: { kind: "flag", help: "prints the answer as JSON" },
    },
    examples: ["meterseal enrol --data .meterseal/utility my-meter/request.json"],
    async run(options, [source]) {
        const dataDir = requiredOption(options, "data", "DIR");
        if (source === undefined)
            throw error("MS_USAGE", { expected: "REQUEST: a meter's request.json" });
        if (!existsSync(source)) throw error("MS_NOT_FOUND", { where: source });
        requireDirectory(dataDir);
        const request = unwrap(parseRequest(readFileSync(source, "utf8")));
        const answer = await admit(dataDir, request);
        const text = formatAnswer(answer);
        const path = textOption(options, "out") ?? join(dirname(source), DEVICE_FILES.enrolment);
        writeWhole(path, text);
        if (options.json === true) out(text.replaceAll(/\n\s*/g, ""));
        else
            say(`Enrolled in network ${toHex(answer.network)}.
The answer is in ${path}; it belongs into the meter's directory. Tell the meter's owner the
network by another way than that file: the meter names it at its first run.
Next, the meter:  meterseal meter run --dir ${dirname(path)} --csv FILE --to mqtt://HOST:PORT`);
        return EXIT.ok;
    },
};

/** Over the running server of the directory, or by its files where none runs. */
async function admit(dataDir: string, request: EnrolRequest): Promise<EnrolmentAnswer> {
    if (lockHolder(PLACES.server(dataDir)) !== null) return await askServer(dataDir, request);
    const server = await startServer({
        dataDir,
        host: "127.0.0.1",
        httpPort: 0,
        mqttPort: 0,
        clock: systemClock,
        clockLabel: null,
        mode: null,
        log: consoleLog("server"),
        onFatal: (cause) => say(String(cause)),
    });
    try {
        return await server.enrol(request);
    } finally {
        await server.close();
    }
}

async function askServer(dataDir: string, request: EnrolRequest): Promise<EnrolmentAnswer> {
    const address = readAddress(dataDir);
    if (address === null) {
        const todo = "Wait until it has started, or stop it and try again.";
        throw error("MS_LINK", { where: dataDir, got: "a server without an address", todo });
    }
    const response = await fetch(`${address.http}${ENROL_ROUTE}`, {
        method: "POST",
        headers: {
            authorization: `Bearer ${loadOperatorToken(dataDir, systemRandom)}`,
            "content-type": "application/json",
        },
        body: formatRequest(request),
    }).catch((cause: unknown) => {
        throw error("MS_LINK", { where: address.http, cause });
    });
    const text = await response.text();
    if (response.ok) return unwrap(parseAnswer(text));
    const problem = JSON.parse(text) as { detail?: string; title?: string };
    throw error("MS_ENROLMENT", {
        where: address.http,
        got: problem.detail ?? problem.title ?? text,
    });
}
