// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {Administered} from "./Administered.sol";

/// @title Profile "single write": one transaction for each reading of one register
/// @notice Servers on an allow-list write registers that everybody can read. A register counts
/// upwards only, and each write carries the next number of its sequence: what was written once
/// cannot be written again.
/// @dev Everything is plaintext for every member of the chain. A register is named by the subject of
/// its meter (16 bytes), zeros, and one byte: twice the group plus the channel in it.
contract SingleWrite is Administered {
    struct Reading {
        /// In units of the stream, such as Wh.
        uint96 value;
        /// Of the meter's clock, Unix seconds; evidence, not order.
        uint64 time;
        /// Of the last accepted write; 0 before the first.
        uint64 seq;
    }

    mapping(address server => bool) public isServer;
    mapping(address server => bool) public isProposedServer;
    mapping(bytes32 register => Reading) public readings;

    /// @notice The sequence number was used before.
    error Replayed(uint64 expected);
    /// @notice An earlier write of this register is missing.
    error Gap(uint64 expected);
    /// @notice The register would run backwards.
    error Decreased(uint96 last);

    event ServerProposed(address indexed server);
    event ServerAccepted(address indexed server);
    event ServerRemoved(address indexed server);
    event Written(bytes32 indexed register, uint64 indexed seq, uint96 value, uint64 time);

    /// @notice Proposes a server for the allow-list; it accepts itself.
    function proposeServer(address server) external onlyAdmin {
        isProposedServer[server] = true;
        emit ServerProposed(server);
    }

    /// @notice Joins the allow-list; only who was proposed can.
    function acceptServer() external {
        if (!isProposedServer[msg.sender]) revert NotProposed(msg.sender);
        isProposedServer[msg.sender] = false;
        isServer[msg.sender] = true;
        emit ServerAccepted(msg.sender);
    }

    /// @notice Takes a server off the allow-list at once, and back what was proposed to it.
    function removeServer(address server) external onlyAdmin {
        isProposedServer[server] = false;
        isServer[server] = false;
        emit ServerRemoved(server);
    }

    /// @notice Writes the next reading of a register.
    function write(bytes32 register, uint64 seq, uint96 value, uint64 time) external {
        if (!isServer[msg.sender]) revert NotAllowed(msg.sender);
        Reading memory last = readings[register];
        if (seq <= last.seq) revert Replayed(last.seq + 1);
        if (seq != last.seq + 1) revert Gap(last.seq + 1);
        if (value < last.value) revert Decreased(last.value);
        readings[register] = Reading(value, time, seq);
        emit Written(register, seq, value, time);
    }
}
