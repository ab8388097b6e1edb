import { bytesEqual, error, unwrap } from "@meterseal/core";
import { PARTY_ROLE, parsePartyKey } from "@meterseal/record";
import type { KeyFile } from "@meterseal/wallet";
import type { SharingParty } from "./session.ts";
import { importSigner } from "./signer.ts";

/**
 * Reads the file of a wallet's signing key.
 * @throws MetersealError MS_KEY_FILE where it is none; MS_KEY_FOREIGN where it is of another network
 * or of a home that does not own the key file's stream. Neither quotes the file.
 */
export async function readParty(text: string, key: KeyFile): Promise<SharingParty> {
    const file = unwrap(parsePartyKey(text));
    if (file.role !== PARTY_ROLE.household) {
        throw error("MS_KEY_FILE", { expected: "the signing key of a household" });
    }
    if (file.network !== null && !bytesEqual(file.network, key.network)) {
        throw error("MS_KEY_FOREIGN", { where: "the signing key", expected: "the same network" });
    }
    if (!file.streams.some((stream) => bytesEqual(stream, key.stream.streamId))) {
        throw error("MS_KEY_FOREIGN", { where: "the signing key", expected: "the same home" });
    }
    return { id: file.party, signer: await importSigner(new Uint8Array(file.signingKey)) };
}
