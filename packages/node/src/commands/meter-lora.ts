import { join } from "node:path";
import { error, fromHex, toHex } from "@meterseal/core";
import { createLinkToken } from "@meterseal/meter";
import { METER_LORA_FILES, makeLoraMeter } from "../bridge/lorawan/meter-directory.ts";
import { type Command, requiredOption } from "../cli/arguments.ts";
import { systemClock } from "../clocks.ts";
import { out, say } from "../console.ts";
import { DEVICE_FILES, openPublicDevice } from "../device/device.ts";
import { EXIT } from "../exit-codes.ts";
import { fileSigner } from "../files.ts";

/** `meterseal meter lora`: what a LoRaWAN bridge needs of a meter, and the key that both have. */
export const meterLoraCommand: Command = {
    name: "meter lora",
    summary: "lets a LoRaWAN bridge carry an enrolled meter's records",
    options: {
        dir: { kind: "value", value: "DIR", help: "directory of the meter" },
        "dev-eui": { kind: "value", value: "HEX", help: "EUI of its radio, 16 hexadecimal digits" },
        out: { kind: "value", value: "DIR", help: "new directory for the bridge" },
        json: { kind: "flag", help: "prints what was made as JSON" },
    },
    examples: [
        "meterseal meter lora --dir my-meter --dev-eui 70b3d57ed0001234 --out lora/my-meter",
    ],
    async run(options) {
        const directory = requiredOption(options, "dir", "DIR");
        const text = requiredOption(options, "dev-eui", "HEX").toLowerCase();
        if (!/^[0-9a-f]{16}$/.test(text))
            throw error("MS_USAGE", { expected: "--dev-eui of 16 hexadecimal digits", got: text });
        const devEui = toHex(fromHex(text));
        const target = requiredOption(options, "out", "DIR");
        const { observed, profile } = openPublicDevice(directory);
        if (observed) {
            const todo = 'Name it in the list of devices with "gateway".';
            throw error("MS_NOT_ALLOWED", { where: directory, got: "a gateway's directory", todo });
        }
        const signer = fileSigner(join(directory, DEVICE_FILES.signingKey), "es256");
        const { network, subject } = profile;
        const token = await createLinkToken(signer, network, subject, systemClock);
        await makeLoraMeter(directory, target, { devEui, token });
        const meter = toHex(subject);
        if (options.json === true) out(JSON.stringify({ meter, devEui, directory: target }));
        else
            say(`${target} is for the bridge: it signs no record and opens nothing.
The meter has the same key for light readings, and the bridge's public key, in ${directory}:
${METER_LORA_FILES.lightKey} and ${METER_LORA_FILES.bridgeKey}.`);
        return EXIT.ok;
    },
};
