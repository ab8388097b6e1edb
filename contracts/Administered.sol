// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

/// @title A contract with one administrator
/// @notice Whoever deploys it is the first. The role is handed over in two steps: proposed by its
/// holder and accepted by its next one, so that an address with a mistake in it never holds it.
abstract contract Administered {
    address public admin;
    address public proposedAdmin;

    /// @notice The sender does not hold the role that the call needs.
    error NotAllowed(address sender);
    /// @notice The role was not proposed to the sender.
    error NotProposed(address sender);

    event AdminProposed(address indexed next);
    event AdminAccepted(address indexed admin);

    constructor() {
        admin = msg.sender;
        emit AdminAccepted(msg.sender);
    }

    modifier onlyAdmin() {
        if (msg.sender != admin) revert NotAllowed(msg.sender);
        _;
    }

    /// @notice Proposes the next administrator; the zero address takes a proposal back.
    function proposeAdmin(address next) external onlyAdmin {
        proposedAdmin = next;
        emit AdminProposed(next);
    }

    /// @notice Takes over; only the proposed one can.
    function acceptAdmin() external {
        if (msg.sender != proposedAdmin) revert NotProposed(msg.sender);
        admin = msg.sender;
        proposedAdmin = address(0);
        emit AdminAccepted(msg.sender);
    }
}
