/**
 * Modbus as the master of a line: reads registers of meters that have no other port, on TCP or as
 * frames of a serial line (RTU), also carried through a serial server.
 *
 * @packageDocumentation
 */
export { ModbusClient, type ModbusLine } from "./client.ts";
export { rtuFraming, tcpFraming } from "./framing.ts";
export { openTcpLine } from "./tcp-line.ts";
