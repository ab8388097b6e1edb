import { createConnection } from "node:net";
import type { LineTaker, ModbusLine } from "./client.ts";

/**
 * A line over TCP: to a device, or to a serial server with devices behind it.
 * @param connectMs - longest wait for the connection.
 */
export function openTcpLine(host: string, port: number, connectMs: number): Promise<ModbusLine> {
    return new Promise((resolve, reject) => {
        const socket = createConnection({ host, port, noDelay: true });
        let take: LineTaker | null = null;
        let reason = "the line ended";
        socket.setTimeout(connectMs, () => socket.destroy(new Error("no connection in time")));
        socket.on("error", (cause) => {
            reason = cause.message;
        });
        socket.on("close", () => {
            reject(new Error(reason));
            take?.(null, reason);
        });
        socket.on("data", (bytes: Buffer) => take?.(bytes));
        socket.on("connect", () => {
            socket.setTimeout(0);
            resolve({
                write: (bytes) => socket.write(bytes),
                onBytes: (taker) => {
                    take = taker;
                },
                close: () => socket.destroy(),
            });
        });
    });
}
