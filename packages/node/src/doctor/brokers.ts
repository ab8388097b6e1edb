import { connect } from "node:net";
import { MetersealError } from "@meterseal/core";
import { type BrokerPlace, brokerAddressOf, readBrokerAccess } from "../config/brokers.ts";
import { brokersOf, type Configuration, linksOf } from "../config/config.ts";
import { isBroker } from "../config/links.ts";
import { reasonOf } from "../files.ts";
import { type Check, fault, fine } from "./check.ts";

/** Longest wait for a broker, in milliseconds. */
const ANSWER_MS = 3_000;

/** The brokers of a server: that they can be reached, and that there is something to enter each with. */
export async function checkBrokers(configuration: Configuration): Promise<Check[]> {
    const places = linksOf(configuration).filter(isBroker);
    if (places.length === 0) return [];
    const { caFile, loginFile } = brokersOf(configuration);
    try {
        const access = readBrokerAccess(loginFile, caFile);
        for (const place of places) brokerAddressOf(place, access, true);
    } catch (cause) {
        const todo = cause instanceof MetersealError ? cause.details.todo : undefined;
        return [fault("broker login", reasonOf(cause), todo ?? "Correct the file.")];
    }
    return await Promise.all(places.map(checkBroker));
}

async function checkBroker({ host, port, scheme }: BrokerPlace): Promise<Check> {
    const [name, where] = [`${scheme} link`, `port ${port} of ${host}`];
    const code = await tryConnection(host, port);
    if (code === null) return fine(name, `a broker answers at ${where}`);
    return fault(name, `no broker at ${where} (${code})`, "Start it, or correct --link.");
}

/** Null when a connection can be made, or the system's error code. */
function tryConnection(host: string, port: number): Promise<string | null> {
    return new Promise((done) => {
        const socket = connect({ host, port, timeout: ANSWER_MS });
        const end = (code: string | null): void => {
            socket.destroy();
            done(code);
        };
        socket.once("connect", () => end(null));
        socket.once("timeout", () => end("ETIMEDOUT"));
        socket.once("error", (cause: NodeJS.ErrnoException) => end(cause.code ?? cause.message));
    });
}
