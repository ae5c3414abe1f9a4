// A module of its own: what a CRM backend brings along is seen in its go.sum.
module example.com/crm

go 1.26.0

require (
	github.com/go-chi/chi/v5 v5.5.0
	modernc.org/sqlite v1.62.0
	rolegate v0.0.0
)

replace rolegate => ../..
