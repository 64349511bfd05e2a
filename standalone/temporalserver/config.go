package temporalserver

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"go.temporal.io/server/common/cluster"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/persistence/sql/sqlplugin/postgresql"
)

const (
	mainDB       = "temporal"
	visibilityDB = "temporal_visibility"
	clusterName  = "active"
)

// config is the server's configuration file as a value.
func (o Options) config(p ports) (*config.Config, error) {
	main, err := sqlConfig(o.DSN, mainDB, 20)
	if err != nil {
		return nil, err
	}
	visibility, err := sqlConfig(o.DSN, visibilityDB, 5)
	if err != nil {
		return nil, err
	}
	frontend := net.JoinHostPort("127.0.0.1", strconv.Itoa(p.frontend))
	return &config.Config{
		Persistence: config.Persistence{
			DefaultStore:     "main",
			VisibilityStore:  "visibility",
			NumHistoryShards: o.Shards,
			DataStores: map[string]config.DataStore{
				"main":       {SQL: main},
				"visibility": {SQL: visibility},
			},
		},
		Global: config.Global{
			Membership: config.Membership{MaxJoinDuration: 30 * time.Second, BroadcastAddress: "127.0.0.1"},
		},
		Services: map[string]config.Service{
			"frontend": service(p.frontend),
			"history":  service(p.history),
			"matching": service(p.matching),
			"worker":   service(p.worker),
		},
		ClusterMetadata: &cluster.Config{
			FailoverVersionIncrement: 10,
			MasterClusterName:        clusterName,
			CurrentClusterName:       clusterName,
			ClusterInformation: map[string]cluster.ClusterInformation{
				clusterName: {Enabled: true, InitialFailoverVersion: 1, RPCAddress: frontend},
			},
		},
		DCRedirectionPolicy: config.DCRedirectionPolicy{Policy: "noop"},
		Archival: config.Archival{
			History:    config.HistoryArchival{State: "disabled"},
			Visibility: config.VisibilityArchival{State: "disabled"},
		},
		NamespaceDefaults: config.NamespaceDefaults{Archival: config.ArchivalNamespaceDefaults{
			History:    config.HistoryArchivalNamespaceDefaults{State: "disabled"},
			Visibility: config.VisibilityArchivalNamespaceDefaults{State: "disabled"},
		}},
		PublicClient: config.PublicClient{HostPort: frontend},
	}, nil
}

func service(port int) config.Service {
	return config.Service{RPC: config.RPC{GRPCPort: port, BindOnLocalHost: true}}
}

// sqlConfig takes a Postgres URL apart into what Temporal wants to know, for
// database db on the same server.
func sqlConfig(dsn, db string, conns int) (*config.SQL, error) {
	c, err := pgx.ParseConfig(dsn)
	if err != nil { // its text may hold the password
		return nil, errors.New("the database URL for Temporal cannot be read: it must look like postgres://user:password@host:port/database")
	}
	if strings.HasPrefix(c.Host, "/") {
		return nil, fmt.Errorf("the embedded Temporal server needs a Postgres on a TCP port; the database URL names the socket directory %s", c.Host)
	}
	sslmode := "disable"
	if c.TLSConfig != nil {
		sslmode = "require"
		if !c.TLSConfig.InsecureSkipVerify {
			sslmode = "verify-full"
		}
	}
	return &config.SQL{
		PluginName:        postgresql.PluginNamePGX,
		DatabaseName:      db,
		ConnectAddr:       net.JoinHostPort(c.Host, strconv.Itoa(int(c.Port))),
		ConnectProtocol:   "tcp",
		ConnectAttributes: map[string]string{"sslmode": sslmode},
		User:              c.User,
		Password:          c.Password,
		MaxConns:          conns,
		MaxIdleConns:      conns,
		MaxConnLifetime:   time.Hour,
	}, nil
}
