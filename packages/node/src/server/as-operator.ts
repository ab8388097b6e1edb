import { error } from "@meterseal/core";
import { lockHolder } from "@meterseal/stores";
import { systemClock, systemRandom } from "../clocks.ts";
import { consoleLog, say } from "../console.ts";
import { PLACES } from "../files.ts";
import { askApi } from "../http-client.ts";
import { loadOperatorToken, readAddress } from "./operator.ts";
import { type Server, startServer } from "./server.ts";

/** A request to the operator's routes, and the same without HTTP. */
export type OperatorRequest<Answer> = {
    readonly route: string;
    /** JSON of the request. */
    readonly body: string;
    /** Reads the answer of the route. */
    readonly read: (text: string) => Answer;
    /** Does it at a server of this process. */
    readonly local: (server: Server) => Promise<Answer>;
};

/**
 * Does something as the operator of a data directory: over its running server, or by its files where
 * none runs.
 * @throws MetersealError MS_LINK where the server does not answer; what it refused.
 */
export async function asOperator<Answer>(
    dataDir: string,
    request: OperatorRequest<Answer>,
): Promise<Answer> {
    if (lockHolder(PLACES.server(dataDir)) !== null) {
        const address = readAddress(dataDir);
        if (address !== null) return await asOperatorAt(address.http, dataDir, request);
        const todo = "Wait until it has started, or stop it and try again.";
        throw error("MS_LINK", { where: dataDir, got: "a server without an address", todo });
    }
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
        return await request.local(server);
    } finally {
        await server.close();
    }
}

/** Does something as the operator of a data directory whose server runs at an address. */
export async function asOperatorAt<Answer>(
    url: string,
    dataDir: string,
    { body, read, route }: Omit<OperatorRequest<Answer>, "local">,
): Promise<Answer> {
    const authorization = `Bearer ${loadOperatorToken(dataDir, systemRandom)}`;
    const headers = { authorization, "content-type": "application/json" };
    return read(await (await askApi(url, route, { method: "POST", headers, body })).text());
}
