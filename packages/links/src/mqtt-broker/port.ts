import { Socket } from "node:net";
import { LIMITS } from "@meterseal/core";
import { connect, type IClientOptions } from "mqtt";
import type { BrokerAddress } from "../broker/address.ts";
import { type BrokerEvents, type BrokerPort, failureOf } from "../broker/port.ts";

/** Messages that may wait for the broker's acknowledgement; beyond it nothing is sent. */
const MAX_WAITING = 4 * LIMITS.outboxInFlight;
/** Time for a goodbye, in milliseconds. */
const GOODBYE_MS = 300;

/** Topics of frames, below `ms/1/{tenant}/{subject}/`. */
function topicOf(tenant: string, subjectHex: string, direction: "up" | "dn"): string {
    return `ms/1/${tenant}/${subjectHex}/${direction}/frame`;
}

/**
 * Connects to a broker at QoS 1, with a clean session: nothing is kept for the absent.
 * @param subjectHex - the meter; `+` for a collector, which hears all of them.
 */
export function openMqttPort(
    { ca, password, tenant, url, username }: BrokerAddress,
    subjectHex: string,
    events: BrokerEvents,
): BrokerPort {
    const [mine, other] = subjectHex === "+" ? (["up", "dn"] as const) : (["dn", "up"] as const);
    const options: IClientOptions = {
        ...(username === undefined ? {} : { username }),
        ...(password === undefined ? {} : { password }),
        ...(ca === undefined ? {} : { ca }),
        protocolVersion: 4,
        clean: true,
        reconnectPeriod: 0, // whoever uses the port makes a new one
        queueQoSZero: false,
    };
    const client = connect(url, options);
    let [waiting, isDown] = [0, false];
    const down: BrokerEvents["down"] = (reason, cause) => {
        if (isDown) return;
        isDown = true;
        client.end(true);
        events.down(reason, cause);
    };
    client.on("connect", () => {
        // small packets that wait for one another's acknowledgement would take 40 ms each
        if (client.stream instanceof Socket) client.stream.setNoDelay(true);
        client.subscribe(topicOf(tenant, subjectHex, mine), { qos: 1 }, (cause, granted) => {
            if (isDown) return;
            const isRefused = granted?.some(({ qos }) => qos > 2) === true;
            if (cause !== null || isRefused) down("the broker refuses the subscription");
            else events.up();
        });
    });
    client.on("message", (topic, payload, { retain }) => {
        // what a broker kept from earlier must not act again at each connection
        const [, , , subject = ""] = topic.split("/");
        if (!isDown && !retain) events.frame(subject, new Uint8Array(payload));
    });
    client.on("error", (cause) => down(...failureOf(cause)));
    client.on("close", () => down("connection lost"));
    return {
        send: (to, bytes) => {
            if (isDown || !client.connected || waiting >= MAX_WAITING) return false;
            waiting++;
            client.publish(topicOf(tenant, to, other), Buffer.from(bytes), { qos: 1 }, () => {
                waiting--;
            });
            return true;
        },
        close: () => {
            isDown = true;
            return new Promise((resolve) => {
                // a second end would do nothing
                const late = setTimeout(() => client.stream.destroy(), GOODBYE_MS);
                client.end(!client.connected, {}, () => {
                    clearTimeout(late);
                    resolve();
                });
                setTimeout(resolve, 2 * GOODBYE_MS).unref();
            });
        },
    };
}
