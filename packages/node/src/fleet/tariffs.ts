import { join } from "node:path";
import { publishTariff } from "../billing/publish.ts";
import { readTariffFile } from "../billing/tariff-file.ts";
import { askApi } from "../http-client.ts";
import { openParty } from "../party/party.ts";

const DIRECTORY = join(import.meta.dirname, "../../../../examples/tariffs");
/** Tariffs of the demo's provider, as files of the examples. */
const FILES = [
    "london-standard-2013.yaml",
    "london-dynamic-2013-01.yaml",
    "day-and-night.yaml",
    "solar.yaml",
];

/**
 * Puts the example tariffs on the ledger of a demo, in the name of its provider; nothing where there
 * are tariffs already.
 * @param providerDir - directory of the provider, admitted.
 */
export async function publishTariffs(providerDir: string, url: string): Promise<void> {
    const { tariffs } = (await (await askApi(url, "/api/v1/tariffs")).json()) as {
        tariffs: unknown[];
    };
    if (tariffs.length >= FILES.length) return;
    const provider = openParty(providerDir);
    // A start that ended in between goes on where it stopped.
    for (const file of FILES.slice(tariffs.length)) {
        await publishTariff(url, provider, readTariffFile(join(DIRECTORY, file)));
    }
}
