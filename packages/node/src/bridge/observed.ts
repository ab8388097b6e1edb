import { error } from "@meterseal/core";
import { type Device, openDevice } from "../device/device.ts";

/**
 * Opens the device of a gateway. A meter that signs for itself is refused: its own key must not sign what
 * somebody else read. That is what observed means.
 * @throws MetersealError MS_NOT_ALLOWED, and what {@link openDevice} throws.
 */
export function openObservedDevice(directory: string): Device {
    const device = openDevice(directory);
    if (device.observed) return device;
    throw error("MS_NOT_ALLOWED", {
        where: directory,
        expected: "the directory of a gateway",
        got: "that of a meter which signs for itself",
        todo: "Make one: meterseal meter init --observed --dir DIR --zone ZONE",
    });
}
