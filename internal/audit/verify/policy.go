package verify

// Policy says which log and which witnesses an auditor trusts (C2SP tlog-policy).
type Policy struct {
}
