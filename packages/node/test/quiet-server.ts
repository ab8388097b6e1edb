import { systemClock } from "../src/clocks.ts";
import { type Server, type ServerOptions, startServer } from "../src/server/server.ts";
import { quiet } from "./fixture.ts";

/** A server in this process: free ports of the loopback, real time, nothing said. */
export function startQuietServer(
    dataDir: string,
    more: Partial<ServerOptions> = {},
): Promise<Server> {
    return startServer({
        dataDir,
        host: "127.0.0.1",
        httpPort: 0,
        mqttPort: 0,
        clock: systemClock,
        clockLabel: null,
        mode: null,
        log: quiet,
        onFatal: () => {},
        ...more,
    });
}
