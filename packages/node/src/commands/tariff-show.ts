import { error, formatInstant, toHex } from "@meterseal/core";
import { fetchTariff } from "../billing/bill-evidence.ts";
import type { LedgerTariff } from "../billing/ledger-tariff.ts";
import { readTariffFile } from "../billing/tariff-file.ts";
import { describeTariff, tariffJson } from "../billing/tariff-words.ts";
import { type Command, textOption } from "../cli/arguments.ts";
import { out } from "../console.ts";
import { EXIT } from "../exit-codes.ts";
import { askApi } from "../http-client.ts";

/** `meterseal tariff show`: what a tariff says, of a file or on a ledger. */
export const tariffShowCommand: Command = {
    name: "tariff show",
    positional: "FILE|HASH",
    summary: "shows a tariff file, a tariff on a server's ledger, or which there are",
    options: {
        url: { kind: "value", value: "URL", help: "server whose ledger has the tariff" },
        json: { kind: "flag", help: "prints JSON; amounts are decimal text" },
    },
    examples: [
        "meterseal tariff show examples/tariffs/day-and-night.yaml",
        "meterseal tariff show --url http://127.0.0.1:8480",
    ],
    async run(options, [name]) {
        const url = textOption(options, "url");
        const isJson = options.json === true;
        if (url === undefined) {
            if (name === undefined) throw error("MS_USAGE", { expected: "FILE, or --url URL" });
            const tariff = readTariffFile(name);
            out(isJson ? JSON.stringify(tariffJson(tariff)) : describeTariff(tariff).join("\n"));
            return EXIT.ok;
        }
        if (name === undefined) {
            const tariffs = await readAll(url);
            if (isJson) out(JSON.stringify(tariffs.map(ledgerJson)));
            else out(tariffs.map(summary).join("\n") || "There is no tariff on this ledger.");
            return EXIT.ok;
        }
        if (!/^[0-9a-f]{64}$/.test(name)) {
            const expected = "HASH: the 64 hexadecimal digits that tariff show --url lists";
            throw error("MS_USAGE", { expected, got: name });
        }
        const tariff = await fetchTariff(url, name, null);
        if (isJson) out(JSON.stringify(ledgerJson(tariff)));
        else {
            const provider = `provider  ${tariff.providerName} (${toHex(tariff.provider)})`;
            out([...describeTariff(tariff.body), provider].join("\n"));
        }
        return EXIT.ok;
    },
};

async function readAll(url: string): Promise<LedgerTariff[]> {
    const found: LedgerTariff[] = [];
    for (let after = -1; ; ) {
        const path = `/api/v1/tariffs${after < 0 ? "" : `?after=${after}`}`;
        const answer = await (await askApi(url, path)).json();
        const { tariffs } = answer as { tariffs: { hash: string; leafIndex: number }[] };
        for (const { hash, leafIndex } of tariffs) {
            found.push(await fetchTariff(url, hash, null));
            after = leafIndex;
        }
        if (tariffs.length === 0) return found;
    }
}

function summary({ body, hash, providerName }: LedgerTariff): string {
    const end = body.toUnix === null ? "" : ` to ${formatInstant(body.toUnix, body.zone)}`;
    return `${toHex(hash)}  ${body.name}, ${body.currency}, of ${providerName}, from ${formatInstant(body.fromUnix, body.zone)}${end}`;
}

function ledgerJson(tariff: LedgerTariff): Record<string, unknown> {
    const { body, hash, provider, providerName } = tariff;
    return { hash: toHex(hash), provider: toHex(provider), providerName, ...tariffJson(body) };
}
