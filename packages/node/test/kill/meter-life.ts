import { fork } from "node:child_process";
import { join } from "node:path";
import type { ServerProcess } from "../../src/fleet/server-process.ts";
import type { FromMeter, MeterStart } from "./meter-messages.ts";

const ENTRY = join(import.meta.dirname, "meter-process.ts");

/**
 * One life of a meter's process, from its start to its death or, in the last one, its end.
 * @throws Error where it ended in another way than it was told to.
 */
export function liveOnce(start: MeterStart, server: ServerProcess): Promise<void> {
    const child = fork(ENTRY, { serialization: "advanced" });
    const { death } = start;
    const killAfter = (delayMs: number): void => {
        setTimeout(() => child.kill("SIGKILL"), delayMs);
    };
    child.on("message", (message: FromMeter) => {
        if (message.type === "enrol") {
            server.enrol(message.request).then(
                (hash) => child.connected && child.send(hash, () => {}),
                () => child.kill("SIGTERM"),
            );
        }
        if (message.type === "measuring" && death?.kind === "time") killAfter(death.afterMs);
        if (message.type === "commits" && death?.kind === "commit") killAfter(death.afterMs);
    });
    child.send(start, () => {});
    return new Promise((resolve, reject) => {
        child.once("exit", (code, signal) => {
            const asTold = death === null ? code === 0 : signal === "SIGKILL";
            if (asTold) resolve();
            else reject(new Error(`meter ${start.home} ended with ${code ?? signal}`));
        });
    });
}
