import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { LINK_CASES } from "../bench/lib/link-cases.ts";
import { linksTable } from "../bench/lib/links-table.ts";
import { formatNumber, type Measured, type Row } from "../bench/lib/report.ts";
import { RESULTS_FILE } from "../bench/lib/saved.ts";

const page = readFileSync(new URL("../docs/protocols.md", import.meta.url), "utf8");
const saved = JSON.parse(readFileSync(RESULTS_FILE, "utf8")) as Measured[];
const links = saved.find(({ name }) => name === "links");
const rows: readonly Row[] = links?.rows ?? [];

/** A number of the saved results. */
function savedOf(what: string): number {
    const row = rows.find((each) => each.what === what);
    if (row === undefined) throw new Error(`no row '${what}'`);
    return Math.round(row.ours.value);
}

describe("docs/protocols.md", () => {
    it("has the saved figures of every link, and no other line", () => {
        const table = /^\| link \|.*\n\|[-|]+\n((?:\|.*\n)+)/m.exec(page)?.[1] ?? "";
        expect(table.trimEnd().split("\n")).toEqual(linksTable(rows));
        expect(linksTable(rows).map((line) => line.split(" | ")[0]?.slice(2))).toEqual(
            LINK_CASES.map(({ name }) => name),
        );
        expect(page).toContain(`load average ${Math.round(links?.machine.loadBefore ?? -1)}`);
    });

    it("says what each protocol adds to a reading, as it was counted", () => {
        const single = "bytes both ways, one reading";
        const record = rows.find(({ what }) => what.endsWith(single))?.against?.value ?? 0;
        const receipt = Number(/a receipt of (\d+) bytes/.exec(page)?.[1]);
        expect(links?.facts.join()).toContain(`a signed receipt of ${receipt} bytes`);
        const said = /adds to a reading\*\* is the rest: ([^.]*)\. In a/.exec(page)?.[1] ?? "";
        const names = [
            ["MQTT", "MQTT, embedded"],
            ["WebSocket", "WebSocket"],
            ["CoAP", "CoAP"],
            ["TCP with EDHOC", "TCP with EDHOC"],
            ["HTTP", "HTTP"],
            ["XMPP", "XMPP, Prosody"],
        ];
        const added = names.map(([shown, name]) => {
            const bytes = savedOf(`${name}: ${single}`) - Math.round(record) - receipt;
            return `${bytes} over ${shown}`;
        });
        expect(said.replace(/\s+/g, " ").replace(" bytes", "")).toBe(added.join(", "));
    });

    it("says what that is in a record of a day", () => {
        const day = "bytes both ways, 96 readings";
        const record = rows.find(({ what }) => what.endsWith(day))?.against?.value ?? 0;
        const receipt = Number(/a receipt of (\d+) bytes/.exec(page)?.[1]);
        const said =
            /96\s+readings that is ([^.]*\.\d[^.]*\.\d[^.]*\.\d[^.]*\.\d)/.exec(page)?.[1] ?? "";
        const each = (bytes: number): string => (bytes / 96).toFixed(1);
        const added = (name: string): string =>
            each(savedOf(`${name}: ${day}`) - Math.round(record) - receipt);
        expect(said.replace(/\s+/g, " ")).toBe(
            `${added("MQTT, embedded")} bytes a reading over MQTT, ${added("WebSocket")} over WebSocket, ` +
                `${added("XMPP, Prosody")} over XMPP, beside ${each(record)}`,
        );
    });

    it("says what each level of MQTT takes", () => {
        const levels = ["MQTT, embedded, QoS 0", "MQTT, embedded", "MQTT, embedded, QoS 2"];
        const said = levels.map((name, level) => {
            const bytes = savedOf(`${name}: bytes both ways, one reading`);
            return `${bytes}${level === 0 ? " bytes" : ""} at QoS ${level}`;
        });
        expect(page).toContain(`MQTT's three levels: ${said.join(", ")}.`);
    });

    it("says what TLS adds", () => {
        const single = savedOf("HTTPS: bytes both ways, one reading");
        const more = single - savedOf("HTTP: bytes both ways, one reading");
        const begin = savedOf("HTTPS: bytes to begin") - savedOf("HTTP: bytes to begin");
        expect(page).toContain(
            `${more} bytes a message more than plain HTTP, and ${formatNumber(begin)} to begin`,
        );
    });

    it("names every protocol of P1's comparison", () => {
        const names = "CoAP HTTP multicast MQTT XMPP REST AMQP WebSocket WAMP SIP Zigbee DLMS TLS";
        for (const name of [...names.split(" "), "IPsec", "SSH", "QoS 0, 1, 2", "guarantees"]) {
            expect(page).toMatch(new RegExp(`^\\| (?:– )?[^|]*\\b${name}\\b[^|]*\\| [^|]`, "m"));
        }
    });
});
