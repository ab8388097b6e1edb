/** A telegram of DSMR 5 with its check, in winter: its instant, seconds since 1970, and its register. */
export function p1Telegram(unix: number, registerWh: bigint, more: readonly string[] = []): string {
    const wall = new Date((unix + 3_600) * 1000).toISOString().replaceAll(/\D/g, "").slice(2, 14);
    const kwh = `${registerWh / 1000n}.${String(registerWh % 1000n).padStart(3, "0")}`;
    const lines = [
        ...["/TST5\\METER", "", "1-3:0.2.8(50)", `0-0:1.0.0(${wall}W)`],
        ...[`1-0:1.8.1(${kwh}*kWh)`, ...more, "!"],
    ];
    const body = lines.join("\r\n");
    let crc = 0;
    for (const byte of Buffer.from(body, "latin1")) {
        crc ^= byte;
        for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >> 1) ^ 0xa001 : crc >> 1;
    }
    return `${body}${crc.toString(16).toUpperCase().padStart(4, "0")}\r\n`;
}
