import { error } from "@meterseal/core";
import { publishTariff } from "../billing/publish.ts";
import { readTariffFile } from "../billing/tariff-file.ts";
import { describeTariff, tariffJson } from "../billing/tariff-words.ts";
import { type Command, requiredOption } from "../cli/arguments.ts";
import { out, say } from "../console.ts";
import { EXIT } from "../exit-codes.ts";
import { openParty } from "../party/party.ts";

/** `meterseal tariff publish`: puts a provider's tariff on the ledger, where nobody changes it. */
export const tariffPublishCommand: Command = {
    name: "tariff publish",
    positional: "FILE",
    summary: "signs a tariff file as its provider and puts it on a server's ledger",
    options: {
        provider: { kind: "value", value: "DIR", help: "directory of the provider" },
        url: { kind: "value", value: "URL", help: "server whose ledger it goes to" },
        json: { kind: "flag", help: "prints the tariff and its hash as JSON" },
    },
    examples: [
        "meterseal tariff publish examples/tariffs/day-and-night.yaml --provider my-provider --url http://127.0.0.1:8480",
    ],
    async run(options, [path]) {
        if (path === undefined) throw error("MS_USAGE", { expected: "FILE: a tariff" });
        const url = requiredOption(options, "url", "URL");
        const provider = openParty(requiredOption(options, "provider", "DIR"));
        const tariff = readTariffFile(path);
        const place = await publishTariff(url, provider, tariff);
        if (options.json === true) out(JSON.stringify({ ...place, ...tariffJson(tariff) }));
        else {
            out([...describeTariff(tariff), `hash      ${place.hash}`].join("\n"));
            say("It is on the ledger and never changes; other prices are another tariff.");
        }
        return EXIT.ok;
    },
};
