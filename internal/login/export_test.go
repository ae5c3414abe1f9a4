package login

// StandIn is for tests: the hash that is verified for a user name.
var StandIn = (*Service).standIn
