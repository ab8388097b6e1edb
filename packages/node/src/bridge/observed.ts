import { error } from "@meterseal/core";
import type { Device } from "../device/device.ts";

/**
 * Refuses the directory of a meter that signs for itself: its own key must not sign what somebody else
 * read. That is what observed means.
 * @throws MetersealError MS_NOT_ALLOWED
 */
export function requireObserved({ observed }: Device, directory: string): void {
    if (observed) return;
    throw error("MS_NOT_ALLOWED", {
        where: directory,
        expected: "the directory of a gateway",
        got: "that of a meter which signs for itself",
        todo: "Make one: meterseal meter init --observed --dir DIR --zone ZONE",
    });
}
